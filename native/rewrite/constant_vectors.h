// Computes the values of small tensors that depend only on weights, such as scales and shifts of channels.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/flat_graph.h"

namespace ke::graph {

class ConstantVectors {
 public:
  using TensorSpecs = std::unordered_map<std::string, TensorSpec>;

  // Keeps references to both arguments.
  ConstantVectors(const FlatGraph& graph, const TensorSpecs& tensors);

  // Returns the sizes of the node's first output if that output is float32, small, and computed only from
  // weights and Consts by ops that Values supports. Otherwise returns null.
  const std::vector<int64_t>* Dims(int node) const;
  // Returns the values of that output, computed from the weights in double precision. Returns none if too
  // many ops are between the weights and the output.
  std::optional<std::vector<double>> Values(int node) const;

 private:
  const std::vector<int64_t>* DimsOf(int node) const;
  bool IsKnown(int node) const;
  std::vector<double> Compute(int node,
                              const std::unordered_map<int, std::vector<double>>& values_by_node) const;

  const FlatGraph& graph_;
  const TensorSpecs& tensors_;
  std::unordered_map<int, const FlatWeight*> weights_;  // by node
  std::vector<char> known_;
};

}  // namespace ke::graph
