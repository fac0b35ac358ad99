#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/flat_graph.h"
#include "layers/layer_record.h"

namespace ke::graph {

// The properties from which the type of a layer is inferred.
struct LayerOps {
  const FlatGraph& graph;
  const std::unordered_map<std::string, TensorSpec>& tensors;
  const std::vector<int>& nodes;                       // of one call
  const LayerRecord& record;                           // name, weights and calls are set
  const std::set<std::string, std::less<>>& children;  // the names of the layers that this layer holds
  const FlatWeight* kernel;                            // the layer's kernel weight; null for none
};

// Returns the Keras class of a layer, inferred from its ops, or "Layer" if the ops identify no class. If
// several classes have the same ops (a Relu may be a ReLU or an Activation), the default name that Keras
// gives determines the class.
std::string InferLayerType(const LayerOps& layer);

}  // namespace ke::graph
