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

// A variable that the flat graph reads: the VarHandleOp of weight `weight`.
struct VariableUse {
  Source handle;
  int weight = -1;
};

class CustomGradients;
class LookupTables;

// What a file holds beside its graph (null: nothing), and what the caller allows.
struct Extras {
  CustomGradients* gradients = nullptr;
  LookupTables* tables = nullptr;
  bool allow_random = false;
};

struct Flattened {
  FlatGraph graph;
  std::vector<VariableUse> variables;  // weights[variable.weight] has no value yet
};

// The order of the flat graph's nodes, which determines the order of the layers.
enum class NodeOrder {
  kFile,        // the order of the nodes in their bodies, in which Python traced them
  kDependency,  // the order in which outputs need the nodes, for files whose order is meaningless
};

// Copies the nodes that `outputs` (top-level tensors) need into one flat graph. `inputs` are the top-level
// tensors that become the model's inputs. The walk ends at the inputs. Reads of variables become weights.
// Throws INVALID_ARGUMENT if an output needs a placeholder that is not an input, UNIMPLEMENTED if an output
// needs an op that is not pure or a variable that the model changes, and DATA_LOSS for a cyclic graph. An op
// with a gradient function in `extras` carries the gradient (custom_gradient.h). Lookups in tables of
// `extras` become pure ops (lookup_ops.h). With `allow_random`, draws of random numbers become draws from the
// seed of the run (inliner_random.cc).
Flattened InlineFunctions(CallTree* tree, OpRegistry* ops, const std::vector<TensorSpec>& inputs,
                          const std::vector<TensorSpec>& outputs, NodeOrder order, const Extras& extras = {});

}  // namespace ke::graph
