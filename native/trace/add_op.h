// Adds a recorded op to a graph: to the scratch graph during recording, to the final graph in the replay.
#pragma once

#include <functional>
#include <vector>

#include "build/scope.h"
#include "trace/equation.h"

namespace ke::trace {

// Adds `op` to `scope` and returns the outputs. `resolve` returns the tensor of a symbol. Throws if
// TensorFlow refuses the op.
std::vector<TF_Output> AddOp(graph::Scope* scope, const OpCall& op,
                             const std::function<TF_Output(SymbolId)>& resolve);

}  // namespace ke::trace
