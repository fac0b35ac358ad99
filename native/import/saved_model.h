#pragma once

#include <optional>

#include "import/load_options.h"
#include "ir/flat_graph.h"
#include "layers/keras_metadata.h"

namespace ke::graph {

// A model's file, flattened and frozen.
struct ImportedModel {
  FlatGraph graph;
  std::optional<KerasModel> keras;  // of Keras 2's keras_metadata.pb
};

// Reads a SavedModel directory. See ModelGraph::Load for what it throws.
ImportedModel ImportSavedModel(const LoadOptions& options);

}  // namespace ke::graph
