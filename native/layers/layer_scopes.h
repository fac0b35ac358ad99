// Which name scopes of a graph are calls of layers, and what those layers are called.
//
// Keras 2 opens the scope "model/inner/layer" for every call of a layer, the same one for each. Keras 3 opens
// a layer's scope twice per call, to build it and to call it, and TensorFlow makes the second one unique:
// "model_1/inner_1/layer_1", "layer_3" for its second call, where "layer" itself holds no op. A number at the
// end of a name may as well be the layer's own ("conv2d_1" is called in "conv2d_1_1"), so names come from the
// file where it has them: from Keras 2's metadata, else from the variables ("inner/layer/kernel") that a
// scope reads.
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
  std::string type;               // where the file says it
  int calls = 0;                  // how many calls the scope holds; 0: the file does not say
  int parent = -1;  // the scope of the layer that holds this one, an index; -1: the model itself
};

struct LayerScopes {
  std::vector<LayerScope> scopes;  // in model order, a model before its layers
  // The InputLayers: one name per model input, or none where the model shows none.
  std::vector<std::string> input_layers;
};

LayerScopes FindLayerScopes(const FlatGraph& graph, const std::optional<KerasModel>& keras);

}  // namespace ke::graph
