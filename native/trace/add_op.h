// One recorded op added to a graph: to the scratch graph while recording, to the final one in the replay.
#pragma once

#include <functional>
#include <vector>

#include "build/scope.h"
#include "trace/equation.h"

namespace ke::trace {

// `resolve` gives the tensor of a symbol. Throws where TensorFlow refuses the op.
std::vector<TF_Output> AddOp(graph::Scope* scope, const OpCall& op,
                             const std::function<TF_Output(SymbolId)>& resolve);

}  // namespace ke::trace
