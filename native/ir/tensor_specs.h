#pragma once

#include <string>
#include <unordered_map>

#include "ir/flat_graph.h"
#include "wire/shape.h"

namespace ke::graph {

// The spec of every tensor of a graph, by the tensor's name "node:index".
using TensorSpecs = std::unordered_map<std::string, TensorSpec>;

// Requests the dtype and shape of every tensor from TensorFlow, which checks the whole graph. Completes the
// output_specs of the graph. Throws the error with which TensorFlow refuses the graph, or DATA_LOSS if an
// output does not exist.
TensorSpecs InferTensors(FlatGraph* graph);

}  // namespace ke::graph
