#pragma once

#include <string>

#include "graph/flat_graph.h"
#include "graph/model_graph.h"

namespace ke::graph {

// A model's file, flattened and frozen.
struct ImportedModel {
  FlatGraph graph;
  std::string keras_metadata;  // keras_metadata.pb of Keras 2; empty where there is none
};

// Reads a SavedModel directory. See ModelGraph::Load for what it throws.
ImportedModel ImportSavedModel(const LoadOptions& options);

}  // namespace ke::graph
