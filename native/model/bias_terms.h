// Finds the biases that a model adds. Full-gradient maps (Srinivas and Fleuret, 2019) are computed from these
// biases.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/flat_graph.h"
#include "model/model_graph.h"

namespace ke::graph {

// Determines whether each node of a flat graph depends on the model's inputs and on weights. Built once per
// model, so that a walk costs only the nodes on its path.
class BiasFinder {
 public:
  using TensorSpecs = std::unordered_map<std::string, TensorSpec>;

  // Keeps references to both arguments.
  BiasFinder(const FlatGraph& graph, const TensorSpecs& tensors);

  // ModelGraph::BiasTerms.
  std::vector<BiasTerm> Find(const std::vector<TensorId>& outputs, const std::set<TensorId>& within) const;
  // Returns whether the tensor depends on the values of the model's inputs.
  bool Depends(TensorId tensor) const { return depends_[tensor.node] != 0; }

 private:
  void Visit(int node);
  void VisitConstant(int node, const FlatNode& constant);
  bool HasSingle(int node) const;
  bool Repeats(int wide, int narrow) const;
  std::vector<int> SoleConsumers(const std::vector<int>& found, const std::vector<TensorId>& outputs) const;
  int WidestSum(int node, const std::vector<int>& sole_consumer) const;
  // Returns whether a value that does not depend on the inputs, and that `node` adds, is a bias.
  bool IsBias(TensorId value, int node) const;
  void AddTerms(int node, std::vector<BiasTerm>* terms) const;
  BiasTerm Term(int node, BiasTerm::Kind kind, const std::vector<TensorId>& operands) const;

  const FlatGraph& graph_;
  const TensorSpecs& tensors_;
  std::vector<char> depends_;  // on the values of the model's inputs
  std::vector<char> made_of_weights_;
  std::vector<char> literal_;        // a floating scalar Const
  std::vector<char> zero_;           // a Const of zeros
  std::vector<char> preprocessing_;  // only elementwise affine ops with constants since the inputs
};

}  // namespace ke::graph
