#pragma once

#include <map>
#include <optional>

#include "ir/flat_graph.h"

namespace ke::graph {

// Finds tensors whose values do not depend on what the model is fed: TensorFlow evaluates them when the model
// is loaded, from constants and from static shapes.
class ConstantValues {
 public:
  // Returns the truth value of a scalar bool, the value of a scalar integer, or the truth of another scalar
  // as TensorFlow's If sees it. Returns nothing unless `tensor` is such a constant. `graph` grows between
  // calls.
  std::optional<int64_t> Find(const FlatGraph& graph, const TensorId& tensor);

 private:
  bool MayBeConstant(const FlatGraph& graph, const TensorId& tensor) const;
  void Grow(const FlatGraph& graph);
  TF_Output Built(const FlatGraph& graph, const TensorId& tensor) const;

  tf::GraphPtr scratch_;
  size_t built_ = 0;  // the number of nodes of the graph that scratch_ has
};

}  // namespace ke::graph
