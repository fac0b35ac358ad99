// The values of small tensors that are made of weights alone, as scales and shifts of channels are.
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

  // Both are kept by reference.
  ConstantVectors(const FlatGraph& graph, const TensorSpecs& tensors);

  // The sizes of the node's first output where that is float32, small, and made of nothing but weights and
  // Consts by ops that Values knows; else null.
  const std::vector<int64_t>* Dims(int node) const;
  // Its values, each computed in doubles from the weights'; none where too many ops stand between.
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
