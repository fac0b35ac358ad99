#pragma once

#include "gradient/rule.h"

namespace ke::gradient {

// Sets the gradients of the inputs of an IdentityN by the gradient function that the model's file holds for
// the IdentityN (ir/custom_gradient.h). Returns false, and sets nothing, if the file holds none.
bool ApplyCustomGradient(RuleContext& c);

}  // namespace ke::gradient
