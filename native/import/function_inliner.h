#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ir/call_tree.h"
#include "ir/flat_graph.h"
#include "ir/op_registry.h"

namespace ke::graph {

// A variable that the flat graph reads: the VarHandleOp behind weight `weight`.
struct VariableUse {
  Source handle;
  int weight = -1;
};

struct Flattened {
  FlatGraph graph;
  std::vector<VariableUse> variables;  // weights[variable.weight] has no value yet
};

// The order of the flat graph's nodes, and so of the layers.
enum class NodeOrder {
  kFile,        // as the nodes stand in their bodies: the order in which Python traced them
  kDependency,  // as the outputs need them, for files whose order means nothing
};

// Copies what `outputs` (top-level tensors) need into one flat graph. `inputs` are the top-level tensors that
// stand for the model's inputs; the walk ends at them. Reads of variables become weights. Throws
// INVALID_ARGUMENT where an output needs a placeholder that is no input, UNIMPLEMENTED where it needs an op
// that is not pure computation or a variable that the model changes, DATA_LOSS for a cyclic graph.
Flattened InlineFunctions(CallTree* tree, OpRegistry* ops, const std::vector<TensorSpec>& inputs,
                          const std::vector<TensorSpec>& outputs, NodeOrder order);

}  // namespace ke::graph
