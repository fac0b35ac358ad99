// What bytes from outside reach, each as a function of bytes: run by the fuzzer (test/fuzz/engine) and, for
// every find that was kept, by the native tests (test/native/fuzz_regressions_test.cc).
#pragma once

#include <string_view>
#include <vector>

namespace ke::fuzz {

struct Target {
  std::string_view name;
  // Takes any bytes. Returns or, where they are refused, returns too: only what is no tf::Error leaves it.
  void (*run)(std::string_view bytes);
  bool is_protobuf;  // so that mutations keep lengths right
};

// Throws std::out_of_range where there is none of that name.
const Target& FindTarget(std::string_view name);
const std::vector<Target>& Targets();

// A SavedModel: 1 saved_model.pb, 2 keras_metadata.pb, 3 variables.index, 4 variables.data-00000-of-00001, as
// the fields of one message. Loaded and called, as below.
void SavedModel(std::string_view bytes);
// A frozen GraphDef, loaded; then called, differentiated and checked as methods do.
void FrozenGraph(std::string_view bytes);
// A GraphDef, inlined: our own code alone, without TensorFlow's import of the result.
void Inline(std::string_view bytes);
// keras_metadata.pb.
void KerasMetadata(std::string_view bytes);
// A checkpoint, made of 1 entries (1 key, 2 BundleEntryProto) and 2 data: its index is then well-formed, with
// checksums, whatever the entries say. All variables are read, and the object graph.
void CheckpointFiles(std::string_view bytes);
// What a worker says of itself, a JSON text.
void WorkerIdentityJson(std::string_view bytes);

}  // namespace ke::fuzz
