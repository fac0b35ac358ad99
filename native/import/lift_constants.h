#pragma once

#include "ir/flat_graph.h"

namespace ke::graph {

enum class ConstantPolicy {
  kLargeOnly,     // a SavedModel: its variables are weights already
  kVariableLike,  // a frozen GraphDef: its Consts were variables
};

// Turns Consts into weights, so that all instances of the model in one graph share them. Large Consts are
// lifted. With kVariableLike, every floating Const that a layer uses as its kernel, bias or statistics is
// lifted too, and weights that are no variables (the values of Consts that a file holds apart) are named as
// lifted Consts are.
void LiftConstants(FlatGraph* graph, ConstantPolicy policy);

}  // namespace ke::graph
