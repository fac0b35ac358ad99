// The code that untrusted bytes reach, as one function of bytes per target. The fuzzer (test/fuzz/engine)
// runs the targets. The native tests run them on every input that was kept
// (test/native/fuzz_regressions_test.cc).
#pragma once

#include <string_view>
#include <vector>

namespace ke::fuzz {

struct Target {
  std::string_view name;
  // Takes any bytes. Returns also if the bytes are refused with a tf::Error. Other exceptions leave the
  // function.
  void (*run)(std::string_view bytes);
  bool is_protobuf;  // mutations keep the lengths of fields correct
};

// Returns the target of that name. Throws std::out_of_range if there is none.
const Target& FindTarget(std::string_view name);
const std::vector<Target>& Targets();

// Loads and calls a SavedModel, as FrozenGraph does. The files are the fields of one message: 1
// saved_model.pb, 2 keras_metadata.pb, 3 variables.index, 4 variables.data-00000-of-00001.
void SavedModel(std::string_view bytes);
// Loads a frozen GraphDef, then calls, differentiates and checks the model as methods do.
void FrozenGraph(std::string_view bytes);
// Inlines a GraphDef. Runs only our own code, without TensorFlow's import of the result.
void Inline(std::string_view bytes);
// Reads a keras_metadata.pb.
void KerasMetadata(std::string_view bytes);
// Reads a checkpoint that is built from 1 entries (1 key, 2 BundleEntryProto) and 2 data. The index is always
// well-formed and has valid checksums, whatever the entries are. Reads all variables and the object graph.
void CheckpointFiles(std::string_view bytes);
// Reads the identity of a worker, a JSON text.
void WorkerIdentityJson(std::string_view bytes);

}  // namespace ke::fuzz
