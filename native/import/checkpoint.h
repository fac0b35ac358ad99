#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/call_tree.h"
#include "ir/flat_graph.h"
#include "tensorflow/handles.h"
#include "wire/checkpoint_index.h"
#include "wire/input_file.h"

namespace ke::graph {

// Returns whether the op is a variable of TensorFlow 1, whose output is the value of the variable.
inline bool IsOldVariable(std::string_view op) { return op == "VariableV2" || op == "Variable"; }

// Returns the checkpoint key of each variable that the model's restore function assigns, by (call, node) of
// its VarHandleOp or old variable. The function is analysed, not run.
std::map<std::pair<int, int>, std::string> FindRestoredKeys(CallTree* tree, std::string_view restore_op);

// The checkpoint of a SavedModel: <directory>/variables/variables.
class Checkpoint {
 public:
  // Opens no file yet, because a model without variables has no checkpoint.
  explicit Checkpoint(std::string prefix) : prefix_(std::move(prefix)) {}

  // Returns the value stored under `key` for the variable `weight`. The sizes are checked against the graph's
  // declaration and the files before memory is allocated. Throws NOT_FOUND (no files, or no such key),
  // DATA_LOSS (truncated or damaged files, or another dtype or shape than the graph's) and the errors of
  // ReadCheckpointIndex. The error names the variable and the file.
  tf::TensorPtr Read(const std::string& key, const FlatWeight& weight);

  // Returns the keys that the checkpoint's object graph lists, by node. Empty if it lists none.
  std::vector<std::string> ObjectKeys();

 private:
  struct Shard {
    std::string path;
    InputFile file;
    int64_t size = 0;
  };
  const CheckpointIndex& Index(const std::string& variable);
  Shard& Open(int64_t number, const std::string& what, const std::string& variable);
  template <typename Memory>
  void ReadBytes(const StoredTensor& stored, const std::string& what, const std::string& variable,
                 Memory memory);

  std::string prefix_;
  std::optional<CheckpointIndex> index_;
  std::map<int64_t, Shard> shards_;
};

}  // namespace ke::graph
