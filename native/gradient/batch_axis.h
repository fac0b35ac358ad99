// Which forward tensors surely share the size of their first axis, where that is unknown until the graph
// runs.
//
// Almost every tensor of a model has the batch as its first axis. Shape inference only says "unknown" of
// each, so a rule could not tell whether `a + b` broadcasts; following the axis back to where it comes from
// tells.
#pragma once

#include <map>
#include <utility>

#include "build/scope.h"
#include "gradient/ops.h"

namespace ke::gradient {

class BatchAxis {
 public:
  explicit BatchAxis(graph::Scope* forward) : forward_(forward) {}

  // Learns the outputs of `op`. Call it for every op once, each after its inputs.
  void Visit(TF_Operation* op);

  // Whether the first axes of both have the same size. False where that is not known.
  bool Same(TF_Output a, TF_Output b) const;

  // The size of the first axis of `tensor`, an int32 vector of one element of the forward graph; one per
  // origin.
  TF_Output Size(TF_Output tensor);

 private:
  using Key = std::pair<TF_Operation*, int>;
  static Key KeyOf(TF_Output tensor) { return {tensor.oper, tensor.index}; }
  TF_Output Origin(TF_Output tensor) const;

  graph::Scope* forward_;
  std::map<Key, TF_Output> origins_;
  std::map<Key, TF_Output> sizes_;
};

}  // namespace ke::gradient
