#pragma once

#include <optional>

#include "graph/flat_graph.h"
#include "graph/keras_metadata.h"
#include "graph/model_graph.h"

namespace ke::graph {

// A model's file, flattened and frozen.
struct ImportedModel {
  FlatGraph graph;
  std::optional<KerasModel> keras;  // of Keras 2's keras_metadata.pb
};

// Reads a SavedModel directory. See ModelGraph::Load for what it throws.
ImportedModel ImportSavedModel(const LoadOptions& options);

}  // namespace ke::graph
