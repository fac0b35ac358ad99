#pragma once

#include "import/importers.h"

namespace ke::graph {

// The file of a SavedModel's directory that holds its graph.
constexpr char kSavedModelFile[] = "saved_model.pb";

// A SavedModel. Its path is the directory, or the saved_model.pb in it.
extern const Importer kSavedModel;

// Whether the sample is of a file with a SavedModel's graph, whatever the file's name is.
bool IsSavedModelGraph(const PathSample& sample);

}  // namespace ke::graph
