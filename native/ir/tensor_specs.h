#pragma once

#include <string>
#include <unordered_map>

#include "ir/flat_graph.h"
#include "wire/shape.h"

namespace ke::graph {

// The spec of every tensor of a graph, by its name "node:index".
using TensorSpecs = std::unordered_map<std::string, TensorSpec>;

// Asks TensorFlow for the dtype and shape of every tensor, and so checks the whole graph. Completes the
// graph's output_specs. Throws what TensorFlow refuses the graph with; DATA_LOSS where an output does not
// exist.
TensorSpecs InferTensors(FlatGraph* graph);

}  // namespace ke::graph
