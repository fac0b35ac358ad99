#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/flat_graph.h"
#include "layers/layer_record.h"

namespace ke::graph {

// What a layer's type is inferred from.
struct LayerOps {
  const FlatGraph& graph;
  const std::unordered_map<std::string, TensorSpec>& tensors;
  const std::vector<int>& nodes;                       // of one call
  const LayerRecord& record;                           // name, weights and calls are set
  const std::set<std::string, std::less<>>& children;  // the names of the layers it holds
  const FlatWeight* kernel;                            // of its weights; null for none
};

// The Keras class that the ops of a layer and its weights tell, "Layer" where they tell none. What ops cannot
// tell apart (a Relu may be a ReLU or an Activation) the name that Keras gives by itself decides.
std::string InferLayerType(const LayerOps& layer);

}  // namespace ke::graph
