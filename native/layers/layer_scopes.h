// Determines which name scopes of a graph are calls of layers, and the names of these layers.
//
// Keras 2 opens the scope "model/inner/layer" for every call of a layer. All calls share the scope. Keras 3
// opens the scope of a layer twice per call, to build the layer and to call it. TensorFlow makes the second
// scope unique: "model_1/inner_1/layer_1", or "layer_3" for the second call, where "layer" itself holds no
// op. A number at the end of a scope may also belong to the layer's name ("conv2d_1" is called in
// "conv2d_1_1"). Names therefore come from the file if possible: from the metadata of Keras 2, else from the
// names of the variables that a scope reads ("inner/layer/kernel").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/flat_graph.h"
#include "layers/keras_metadata.h"

namespace ke::graph {

struct LayerScope {
  std::string scope;              // "model_1/inner_1/layer_1"
  std::vector<std::string> path;  // {"inner", "layer"}
  std::string type;               // empty if the file does not say
  int calls = 0;                  // the number of calls in the scope; 0: the file does not say
  int parent = -1;  // index of the scope of the layer that holds this layer; -1: the model itself
};

struct LayerScopes {
  std::vector<LayerScope> scopes;  // in model order, a model before its layers
  // The InputLayers: one name per model input, or none if the model shows none.
  std::vector<std::string> input_layers;
};

LayerScopes FindLayerScopes(const FlatGraph& graph, const std::optional<KerasModel>& keras);

}  // namespace ke::graph
