// The formats of model files. A format is one file that defines its Importer, and one row of the table in
// importers.cc.
#pragma once

#include <string_view>

#include "import/imported_model.h"
#include "import/load_options.h"
#include "import/path_sample.h"

namespace ke::graph {

struct Importer {
  std::string_view format;  // as messages name it, with its article: "a frozen GraphDef (.pb)"
  // Whether the sample is of this format, by content. No two importers recognise the same sample.
  bool (*recognises)(const PathSample& sample);
  // Throws what ModelGraph::Load throws.
  ImportedModel (*import)(const LoadOptions& options);
};

// The importer that recognises the sample, or null.
const Importer* FindImporter(const PathSample& sample);

// Imports the model at `options.path`. Beside what importers throw: NOT_FOUND where there is nothing to read,
// or a directory without a model; UNIMPLEMENTED for a known format that no importer reads, with what converts
// it; DATA_LOSS for a file that is empty or of no known format.
ImportedModel ImportModel(const LoadOptions& options);

}  // namespace ke::graph
