#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "graph/call_tree.h"
#include "graph/flat_graph.h"
#include "tensorflow/handles.h"

namespace ke::graph {

// The checkpoint's key of each variable that the model's restore function assigns, by (call, node) of its
// VarHandleOp. The function is read, not run.
std::map<std::pair<int, int>, std::string> FindRestoredKeys(CallTree* tree, std::string_view restore_op);

// The checkpoint of a SavedModel: <directory>/variables/variables.
class Checkpoint {
 public:
  // Opens nothing yet: a model without variables has no checkpoint.
  explicit Checkpoint(std::string prefix) : prefix_(std::move(prefix)) {}

  // The value stored under `key` for the variable `weight`. Throws NOT_FOUND (no files, no such key) or
  // DATA_LOSS (truncated files, another dtype or shape than the graph's), naming variable and file.
  tf::TensorPtr Read(const std::string& key, const FlatWeight& weight);

  // Keys by node of the object graph, as the checkpoint itself lists them; empty where it lists none.
  std::vector<std::string> ObjectKeys();

 private:
  TF_CheckpointReader* Reader(const std::string& variable);

  std::string prefix_;
  tf::CheckpointReaderPtr reader_;
};

}  // namespace ke::graph
