// Builds a recording into the graph that runs.
#pragma once

#include <vector>

#include "build/scope.h"
#include "trace/equation.h"

namespace ke::trace {

// Builds the equations of `block`, a main block, into `scope` and returns the tensors of its results. `feeds`
// receives one placeholder per parameter. The first `logits` results are logits.
std::vector<TF_Output> Replay(const Block& block, graph::Scope* scope, std::vector<TF_Output>* feeds,
                              size_t logits);

}  // namespace ke::trace
