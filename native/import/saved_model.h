#pragma once

#include "import/importers.h"

namespace ke::graph {

// The file of a SavedModel's directory that contains its graph.
constexpr char kSavedModelFile[] = "saved_model.pb";

// Imports a SavedModel. The path is the directory, or saved_model.pb in the directory.
extern const Importer kSavedModel;

// Returns whether the sample is a file with the graph of a SavedModel, whatever the name of the file.
bool IsSavedModelGraph(const PathSample& sample);

}  // namespace ke::graph
