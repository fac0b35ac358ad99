#pragma once

#include <optional>

#include "ir/flat_graph.h"
#include "ir/tensor_specs.h"
#include "layers/find_layers.h"
#include "layers/keras_metadata.h"

namespace ke::graph {

// A model file, flattened and frozen.
struct ImportedModel {
  FlatGraph graph;
  TensorSpecs tensors;  // the result of InferTensors for the graph
  Layers layers;
};

// Finds the layers for a format whose files do not map ops to layers. The layers come from the scopes of the
// graph and, if there is any, the metadata of Keras 2. Throws the errors of InferTensors.
ImportedModel WithFoundLayers(FlatGraph graph, const std::optional<KerasModel>& keras = {});

}  // namespace ke::graph
