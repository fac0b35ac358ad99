// The formats of model files. A format consists of one file that defines its Importer, and one row of the
// table in importers.cc.
#pragma once

#include <string_view>

#include "import/imported_model.h"
#include "import/load_options.h"
#include "import/path_sample.h"

namespace ke::graph {

struct Importer {
  std::string_view format;  // as messages name the format, with its article: "a frozen GraphDef (.pb)"
  // Returns whether the sample has this format, judged by its content. No two importers recognise the same
  // sample.
  bool (*recognises)(const PathSample& sample);
  // Throws the errors of ModelGraph::Load.
  ImportedModel (*import)(const LoadOptions& options);
};

// Returns the importer that recognises the sample, or null.
const Importer* FindImporter(const PathSample& sample);

// Imports the model at `options.path`. Throws the errors of the importers, and: NOT_FOUND if there is nothing
// to read, or a directory without a model; UNIMPLEMENTED, with the tool that converts the file, for a known
// format without an importer; DATA_LOSS for a file that is empty or has no known format.
ImportedModel ImportModel(const LoadOptions& options);

}  // namespace ke::graph
