#pragma once

#include <optional>

#include "ir/flat_graph.h"
#include "ir/tensor_specs.h"
#include "layers/find_layers.h"
#include "layers/keras_metadata.h"

namespace ke::graph {

// A model's file, flattened and frozen.
struct ImportedModel {
  FlatGraph graph;
  TensorSpecs tensors;  // InferTensors of the graph
  Layers layers;
};

// For a format whose files do not say which op belongs to which layer: finds the layers by the graph's scopes
// and, where there is any, Keras 2's metadata. Throws what InferTensors throws.
ImportedModel WithFoundLayers(FlatGraph graph, const std::optional<KerasModel>& keras = {});

}  // namespace ke::graph
