#pragma once

#include <string_view>

#include "import/path_sample.h"

namespace ke::graph {

// A format of model files that is recognised but has no importer.
struct OtherFormat {
  std::string_view name;  // with its article
  std::string_view mend;  // the fix, a sentence
  bool (*recognises)(const PathSample& sample);
};

// Returns the format that recognises the sample, or null. Call this before the importers: the directory of a
// SavedModel may contain a Git LFS pointer in place of its graph.
const OtherFormat* FindOtherFormat(const PathSample& sample);

}  // namespace ke::graph
