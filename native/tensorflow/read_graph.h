// The C API's queries about a graph, returned as values.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "tensorflow/handles.h"

namespace ke::tf {

// Returns the data inputs of an op, without control inputs.
inline std::vector<TF_Output> Inputs(TF_Operation* op) {
  std::vector<TF_Output> inputs(C().TF_OperationNumInputs(op));
  if (!inputs.empty()) C().TF_OperationAllInputs(op, inputs.data(), static_cast<int>(inputs.size()));
  return inputs;
}

// Returns the number of ops of the graph itself, without the ops of its functions.
inline int64_t CountOps(TF_Graph* graph) {
  int64_t count = 0;
  size_t position = 0;
  while (C().TF_GraphNextOperation(graph, &position) != nullptr) ++count;
  return count;
}

// Returns the ops from which `tensors` are computed, including their own ops. Control inputs count as inputs.
inline std::unordered_set<TF_Operation*> OpsBehind(const std::vector<TF_Output>& tensors) {
  std::unordered_set<TF_Operation*> behind;
  std::vector<TF_Operation*> waiting;
  const auto visit = [&](TF_Operation* op) {
    if (behind.insert(op).second) waiting.push_back(op);
  };
  for (const TF_Output& tensor : tensors) visit(tensor.oper);
  while (!waiting.empty()) {
    TF_Operation* const op = waiting.back();
    waiting.pop_back();
    for (const TF_Output& input : Inputs(op)) visit(input.oper);
    std::vector<TF_Operation*> controls(C().TF_OperationNumControlInputs(op));
    if (controls.empty()) continue;
    C().TF_OperationGetControlInputs(op, controls.data(), static_cast<int>(controls.size()));
    for (TF_Operation* control : controls) visit(control);
  }
  return behind;
}

// Returns the serialised graph. Throws Error with `op` as the op's name, also if the graph is larger than 2
// GB.
inline BufferPtr ToGraphDef(TF_Graph* graph, const std::string& op = {}) {
  BufferPtr graph_def = NewBuffer();
  Status status;
  C().TF_GraphToGraphDef(graph, graph_def.get(), status);
  status.Check(op);
  return graph_def;
}

}  // namespace ke::tf
