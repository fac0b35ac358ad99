// Where the layers of a Keras model stand in its flat graph.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/flat_graph.h"
#include "layers/keras_metadata.h"
#include "layers/layer_record.h"

namespace ke::graph {

// The layers by the names that model.summary() shows, in model order. `tensors` holds the spec of every
// tensor; `keras` is what Keras 2's metadata says, where there is any: else layers are found by the graph's
// scopes alone.
struct Layers {
  std::vector<LayerRecord> records;
  // Of each node the layer that made it, an index, the deepest that holds it; -1 for none.
  std::vector<int> of_node;
};
Layers FindLayers(const FlatGraph& graph, const std::unordered_map<std::string, TensorSpec>& tensors,
                  const std::optional<KerasModel>& keras);

}  // namespace ke::graph
