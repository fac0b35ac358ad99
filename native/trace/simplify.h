// A recording without what need not be computed, or not twice.
#pragma once

#include <vector>

#include "trace/equation.h"

namespace ke::trace {

// A block that gives what `block`, a main block, gives for `results`:
// - without equations that no result needs, and outputs of models and gradients that nothing uses, but for
//   calls at other sizes than declared: the replay refuses a model that takes no such size;
// - with equal equations merged, those of a body also with those around the body: equal ops on equal inputs,
//   constants of equal content, loops with equal bodies, and calls of a model with equal inputs, whatever
//   tensors they ask for. Ops that are stateful, or draw random numbers without a seed, stay apart.
// All parameters stay. Gradients keep their meaning: by a tensor, through those ways alone that were recorded
// from that very tensor (see Dependence).
Block Simplify(const Block& block, const std::vector<SymbolId>& results);

}  // namespace ke::trace
