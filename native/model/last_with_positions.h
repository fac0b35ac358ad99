#pragma once

#include "ir/flat_graph.h"
#include "ir/tensor_specs.h"
#include "model/bias_terms.h"

namespace ke::graph {

// Returns the last computed floating tensor (N, ...positions, C) of at least 2 positions, or of an unknown
// number of positions, on which `output` depends and which depends on the model's inputs. `output` itself
// counts. The node of the result is -1 if there is none.
TensorId LastWithPositions(const FlatGraph& graph, const TensorSpecs& tensors, const BiasFinder& biases,
                           TensorId output);

}  // namespace ke::graph
