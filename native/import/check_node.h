#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "ir/call_tree.h"
#include "ir/flat_graph.h"
#include "ir/op_registry.h"
#include "wire/bounds.h"

namespace ke::graph {

// Returns whether input `input` of a node is a resource that the node reads, not a tensor: the variable or
// the lookup table of a reading op, or a variable that a loop or a branch passes to its functions.
bool IsHandle(CallTree* tree, const Source& at, size_t input);

// Throws unless the node may be part of the flat graph: the op must be pure, allowed or control flow, and the
// numbers of tensors and the constant that attributes declare must be those of the node. `tensors_left`
// counts the outputs. A node is checked before its inputs: for a loop over a variable, the error names the
// loop, not the variable.
void CheckNode(CallTree* tree, OpRegistry* ops, const Source& at, Allowance* tensors_left);

// The weights in the file are valid only if a run does not change the variables. Outputs never need an
// assignment as data, so all ops of the functions on the paths to the outputs are checked. `weights` is the
// index in `graph` per call and node of a variable. `states` are the weights that a run may change. Throws
// UNIMPLEMENTED.
void RefuseChangedVariables(CallTree* tree, OpRegistry* ops, const FlatGraph& graph,
                            const std::map<std::pair<int, int>, int>& weights, const std::set<int>& states);

// Returns the names of the variables that a run for `outputs` may change: FlatName of their handles.
std::set<std::string> ChangedVariables(const proto::GraphDef& graph, OpRegistry* ops,
                                       const std::vector<TensorSpec>& outputs);

// Returns whether a variable may be the state of a generator of random numbers: a short vector of integers.
bool MayBeRandomState(const FlatWeight& weight);

}  // namespace ke::graph
