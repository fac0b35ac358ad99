// Where the layers of a Keras model stand in its flat graph.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "graph/flat_graph.h"
#include "graph/model_graph.h"

namespace ke::graph {

// The layers by the names that model.summary() shows, in model order. `tensors` holds the spec of every tensor;
// `keras_metadata` is Keras 2's keras_metadata.pb, empty for other files. Never throws for what it cannot
// read there: layers are then found by the graph's scopes alone.
std::vector<LayerRecord> FindLayers(const FlatGraph& graph,
                                    const std::unordered_map<std::string, TensorSpec>& tensors,
                                    const std::string& keras_metadata);

}  // namespace ke::graph
