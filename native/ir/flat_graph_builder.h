#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ir/flat_graph.h"
#include "ir/unique_names.h"
#include "wire/bounds.h"

namespace ke::graph {

// Builds a flat graph for importers. The names of nodes are made unique. A graph beyond the limits on a file
// is refused: adding the node throws OUT_OF_RANGE. CheckAttr checks all attributes.
class FlatGraphBuilder {
 public:
  TensorId Add(FlatNode node);
  TensorId AddOp(std::string name, std::string op, std::vector<TensorId> inputs,
                 std::vector<std::pair<std::string, std::string>> attrs);
  // Adds a Const.
  TensorId AddInt32(std::string name, int32_t value);
  // Adds the model's next input, with a node named `name`.
  TensorId AddInput(std::string name, const TensorSpec& spec);
  // Adds the input that stands for the seed of the run.
  TensorId AddSeed();
  // Adds a weight that has no value yet. Returns its index in graph().weights.
  int AddWeight(std::string name, TF_DataType dtype, const Shape& shape);
  void AddOutput(TensorId tensor, const TensorSpec& spec);

  FlatGraph& graph() { return graph_; }
  FlatGraph Finish() { return std::move(graph_); }

 private:
  void Count(const FlatNode& node);

  FlatGraph graph_;
  UniqueNames names_;
  Allowance nodes_left_{bounds::kNodes, "nodes"};
  Allowance bytes_left_{bounds::kGraphBytes, "bytes"};
  Allowance repeated_left_{bounds::kRepeatedBytes, "bytes of constants that the file does not hold"};
};

}  // namespace ke::graph
