// Determines which forward tensors certainly have the same size of the first axis, if that size is unknown
// until the graph runs.
//
// Almost every tensor of a model has the batch as its first axis. Shape inference reports "unknown" for all
// of these axes, so a rule could not determine whether `a + b` broadcasts. BatchAxis follows the first axis
// back to the tensor where the axis originates.
#pragma once

#include <map>
#include <utility>

#include "build/scope.h"
#include "gradient/ops.h"

namespace ke::gradient {

class BatchAxis {
 public:
  explicit BatchAxis(graph::Scope* forward) : forward_(forward) {}

  // Learns the outputs of `op`. Call Visit once for every op, and for an op after the ops of its inputs.
  void Visit(TF_Operation* op);

  // Returns whether the first axes of both tensors have the same size. False if that is not known.
  bool Same(TF_Output a, TF_Output b) const;

  // Returns the size of the first axis of `tensor`: an int32 vector of one element in the forward graph.
  // Tensors with the same origin share the returned tensor.
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
