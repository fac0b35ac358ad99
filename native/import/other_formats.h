#pragma once

#include <string_view>

#include "import/path_sample.h"

namespace ke::graph {

// A format of model files that is recognised, but that no importer reads.
struct OtherFormat {
  std::string_view name;  // with its article
  std::string_view mend;  // what to do about it: a sentence
  bool (*recognises)(const PathSample& sample);
};

// The format that recognises the sample, or null. Asked before the importers: a SavedModel's directory may
// hold a Git LFS pointer in place of its graph.
const OtherFormat* FindOtherFormat(const PathSample& sample);

}  // namespace ke::graph
