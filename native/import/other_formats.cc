#include "import/other_formats.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "import/saved_model.h"
#include "wire/read_file.h"

namespace ke::graph {
namespace {

using std::string_view_literals::operator""sv;

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Also true for a directory of a SavedModel: its saved_model.pb is an LFS pointer after a clone without Git
// LFS.
bool IsPointer(const PathSample& sample) { return IsLfsPointer(sample.start); }

bool IsZip(const PathSample& sample) {
  return sample.IsFile() &&
         (sample.start.starts_with("PK\x03\x04"sv) || sample.start.starts_with("PK\x05\x06"sv));
}

// Keras writes metadata.json and config.json before the weights. The name of the first member of a zip begins
// at byte 30.
bool IsKerasZip(const PathSample& sample) {
  if (!IsZip(sample) || sample.start.size() < 30) return false;
  const std::string_view first = std::string_view(sample.start).substr(30);
  return first.starts_with("metadata.json") || first.starts_with("config.json");
}

bool IsOtherZip(const PathSample& sample) { return IsZip(sample) && !IsKerasZip(sample); }

// The signature is at byte 0, or after a user block at byte 512, 1024, 2048, ...
bool IsHdf5(const PathSample& sample) {
  if (!sample.IsFile()) return false;
  for (size_t at = 0; at < sample.start.size(); at = at == 0 ? 512 : 2 * at) {
    if (std::string_view(sample.start).substr(at).starts_with("\x89HDF\r\n\x1a\n")) return true;
  }
  return false;
}

bool IsTfjs(const PathSample& sample) {
  if (sample.Holds("model.json") && !sample.Holds(kSavedModelFile)) {
    return IsTfjs(SampleOf(sample.path + "/model.json"));
  }
  const size_t first = sample.start.find_first_not_of(" \t\r\n");
  if (!sample.IsFile() || first == std::string::npos || sample.start[first] != '{') return false;
  return Contains(sample.start, "\"modelTopology\"") || Contains(sample.start, "\"weightsManifest\"") ||
         Contains(sample.start, "\"layers-model\"") || Contains(sample.start, "\"graph-model\"");
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
         Contains("\x12\x1a\x22\x28\x32\x3a\x42", sample.start.substr(2, 1));
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
    {"a Keras file (.keras)", "Convert it once in Python: keras.models.load_model(path).export(directory)",
     IsKerasZip},
    {"an HDF5 file (.h5), of Keras or another program",
     "Convert a whole model of Keras once in Python: keras.models.load_model(path).export(directory). "
     "If Keras 3 refuses a file of Keras 2: "
     "tf_keras.models.load_model(path, compile=False).save(directory)",
     IsHdf5},
    {"a TensorFlow.js model",
     "Load the SavedModel or convert the Keras file that it was made of. "
     "A layers model can be converted back: tensorflowjs_converter --input_format=tfjs_layers_model "
     "--output_format=keras_saved_model model.json directory",
     IsTfjs},
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
    {"a zip archive, but no Keras file", "Unpack it, and load the model in it", IsOtherZip},
};

}  // namespace

const OtherFormat* FindOtherFormat(const PathSample& sample) {
  const auto* const found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                         [&](const OtherFormat& each) { return each.recognises(sample); });
  return found == std::end(kFormats) ? nullptr : found;
}

}  // namespace ke::graph
