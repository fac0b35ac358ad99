// Finds the layers of a Keras model in its flat graph.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/flat_graph.h"
#include "layers/keras_metadata.h"
#include "layers/layer_record.h"

namespace ke::graph {

// The layers under the names that model.summary() shows, in model order.
struct Layers {
  std::vector<LayerRecord> records;
  // Per node, the index of the innermost layer that contains the node, or -1 for none.
  std::vector<int> of_node;
};
Layers FindLayers(const FlatGraph& graph, const std::unordered_map<std::string, TensorSpec>& tensors,
                  const std::optional<KerasModel>& keras);

}  // namespace ke::graph
