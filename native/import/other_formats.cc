#include "import/other_formats.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "import/saved_model.h"
#include "wire/read_file.h"

namespace ke::graph {
namespace {

using std::string_view_literals::operator""sv;

// Also true for a directory of a SavedModel: its saved_model.pb is an LFS pointer after a clone without Git
// LFS.
bool IsPointer(const PathSample& sample) { return IsLfsPointer(sample.start); }

bool IsZip(const PathSample& sample) {
  return sample.IsFile() &&
         (sample.start.starts_with("PK\x03\x04"sv) || sample.start.starts_with("PK\x05\x06"sv));
}

// A flatbuffer begins with the offset of its root, a small number, then the identifier.
bool IsTflite(const PathSample& sample) {
  return sample.IsFile() && sample.start.size() >= 8 && sample.start.compare(2, 6, "\0\0TFL3"sv) == 0;
}

// A ModelProto begins with ir_version (3 or more since 2017; the same field of a SavedModel is 1), then
// another field.
bool IsOnnx(const PathSample& sample) {
  if (!sample.IsFile() || sample.start.size() < 3 || sample.start[0] != 0x08) return false;
  return sample.start[1] >= 3 && sample.start[1] < 32 &&
         "\x12\x1a\x22\x28\x32\x3a\x42"sv.find(sample.start[2]) != std::string_view::npos;
}

// The index of a checkpoint, a table that ends with its magic number, or the text file beside the index.
bool IsCheckpoint(const PathSample& sample) {
  if (sample.Holds("checkpoint")) return !sample.Holds(kSavedModelFile);
  return sample.IsFile() && (sample.end == "\x57\xfb\x80\x8b\x24\x75\x47\xdb"sv ||
                             sample.start.starts_with("model_checkpoint_path:"));
}

bool IsTextSavedModel(const PathSample& sample) {
  if (sample.Holds("saved_model.pbtxt")) return !sample.Holds(kSavedModelFile);
  return sample.IsFile() && sample.start.starts_with("saved_model_schema_version:");
}

bool IsTextGraph(const PathSample& sample) {
  return sample.IsFile() && (sample.start.starts_with("node {") || sample.start.starts_with("node{"));
}

// saved_model.pb under another name. The place of its variables is unknown.
bool IsRenamedSavedModel(const PathSample& sample) {
  return IsSavedModelGraph(sample) && sample.FileName() != kSavedModelFile;
}

constexpr OtherFormat kFormats[] = {
    {"a Git LFS pointer, not the model's file itself", "Fetch the file: git lfs pull", IsPointer},
    {"a TensorFlow Lite model (.tflite), which has no gradients",
     "Load the SavedModel or convert the Keras file that it was made of", IsTflite},
    {"an ONNX model", "Load the SavedModel or convert the Keras file that it was made of", IsOnnx},
    {"a checkpoint: variables without their graph",
     "Make a SavedModel once in Python: build the model, model.load_weights(path), model.export(directory)",
     IsCheckpoint},
    {"a SavedModel in text form (saved_model.pbtxt)", "Save the model in binary form (saved_model.pb)",
     IsTextSavedModel},
    {"a GraphDef in text form",
     "Save the graph in binary form: tf.io.write_graph(graph, directory, name, as_text=False)", IsTextGraph},
    {"the graph of a SavedModel under another name than saved_model.pb",
     "Give the SavedModel's directory: the model's variables are there", IsRenamedSavedModel},
    {"a zip archive, but no Keras file", "Unpack it, and load the model in it", IsZip},
};

}  // namespace

const OtherFormat* FindOtherFormat(const PathSample& sample) {
  const auto* const found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                         [&](const OtherFormat& each) { return each.recognises(sample); });
  return found == std::end(kFormats) ? nullptr : found;
}

}  // namespace ke::graph
