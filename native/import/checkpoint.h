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

// The checkpoint keys of the tensors with the keys and values of a lookup table.
struct RestoredTable {
  std::string keys;
  std::string values;
};

// What the model's restore function fills, by (call, node).
struct RestoredKeys {
  std::map<std::pair<int, int>, std::string> variables;  // checkpoint keys, by VarHandleOp or old variable
  std::map<std::pair<int, int>, RestoredTable> tables;
};

// Returns the checkpoint keys that the model's restore function reads. The function is analysed, not run.
RestoredKeys FindRestoredKeys(CallTree* tree, std::string_view restore_op);

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

  // Returns the strings stored under `key`, a tensor with one axis, for the lookup table `table`. Throws the
  // errors of Read.
  std::vector<std::string> ReadStrings(const std::string& key, const std::string& table);

  // Returns the keys that the checkpoint's object graph lists, by node. Empty if it lists none.
  std::vector<std::string> ObjectKeys();

 private:
  struct Shard {
    std::string path;
    InputFile file;
    int64_t size = 0;
  };
  const CheckpointIndex& Index(const std::string& variable);
  // Returns the storage place of a tensor that is stored as a whole. `where` names the tensor in errors.
  const StoredTensor& Find(const std::string& key, const std::string& where, const std::string& variable);
  Shard& Open(int64_t number, const std::string& what, const std::string& variable);
  template <typename Memory>
  void ReadBytes(const StoredTensor& stored, const std::string& what, const std::string& variable,
                 Memory memory);

  std::string prefix_;
  std::optional<CheckpointIndex> index_;
  std::map<int64_t, Shard> shards_;
};

}  // namespace ke::graph
