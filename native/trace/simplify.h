// Removes equations that need not be computed, or need not be computed twice.
#pragma once

#include <vector>

#include "trace/equation.h"

namespace ke::trace {

// Returns a block that computes what `block`, a main block, computes for `results`:
// - Equations that no result needs are removed, and so are unused outputs of models and gradients. Calls at
//   sizes that the model does not declare stay, because the replay refuses a model that does not accept the
//   size.
// - Equal equations are merged, those of a body also with those of enclosing blocks. Merged are equal ops on
//   equal inputs, constants of equal content, loops with equal bodies, and calls of a model with equal
//   inputs, whatever tensors the calls request. Ops that are stateful, or that draw random numbers without a
//   seed, are not merged.
// All parameters stay. Gradients keep their meaning: a gradient with respect to a tensor follows only the
// paths that were recorded from that very tensor (see Dependence).
Block Simplify(const Block& block, const std::vector<SymbolId>& results);

}  // namespace ke::trace
