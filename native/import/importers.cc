#include "import/importers.h"

#include <algorithm>
#include <array>
#include <string>

#include "import/frozen_graph.h"
#include "import/other_formats.h"
#include "import/saved_model.h"
#include "tensorflow/error.h"

namespace ke::graph {
namespace {

constexpr std::array<const Importer*, 2> kImporters = {&kSavedModel, &kFrozenGraph};

[[noreturn]] void RefuseUnknown(const PathSample& sample) {
  std::string expected = ": expected ";
  for (const Importer* importer : kImporters) expected += std::string(importer->format) + ", ";
  // JavaScript reads these formats before a path comes here.
  expected += "a file of Keras (.keras, .h5) or a TensorFlow.js model (model.json)";
  switch (sample.kind) {
    case PathSample::Kind::kNothing:
      throw tf::Error(TF_NOT_FOUND, "there is no model at " + sample.path + expected);
    case PathSample::Kind::kOther:
      throw tf::Error(TF_NOT_FOUND, sample.path + " is neither a file nor a directory" + expected);
    case PathSample::Kind::kDirectory:
      throw tf::Error(TF_NOT_FOUND, "the directory " + sample.path + " holds no model" + expected);
    case PathSample::Kind::kFile:
      break;
  }
  if (sample.start.empty()) {
    throw tf::Error(TF_DATA_LOSS, sample.path + " is empty or cannot be read: it holds no graph" + expected);
  }
  throw tf::Error(TF_DATA_LOSS,
                  sample.path + " is no model of a known format, or its beginning is damaged" + expected);
}

}  // namespace

const Importer* FindImporter(const PathSample& sample) {
  const auto* const found = std::find_if(kImporters.begin(), kImporters.end(),
                                         [&](const Importer* each) { return each->recognises(sample); });
  return found == kImporters.end() ? nullptr : *found;
}

ImportedModel ImportModel(const LoadOptions& options) {
  const PathSample sample = SampleOf(options.path);
  if (const OtherFormat* other = FindOtherFormat(sample)) {
    throw tf::Error(TF_UNIMPLEMENTED, options.path + " is " + std::string(other->name) +
                                          ". It does not load as it is. " + std::string(other->mend));
  }
  const Importer* importer = FindImporter(sample);
  if (importer == nullptr) RefuseUnknown(sample);
  return importer->import(options);
}

}  // namespace ke::graph
