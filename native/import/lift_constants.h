#pragma once

#include "ir/flat_graph.h"

namespace ke::graph {

enum class ConstantPolicy {
  kLargeOnly,     // a SavedModel: variables are weights already
  kVariableLike,  // a frozen GraphDef: its Consts are what once were variables
};

// Turns Consts into weights, so that all instances of the model in one graph share them: large ones, and with
// kVariableLike every floating Const that a layer uses as its kernel, bias or statistics.
void LiftConstants(FlatGraph* graph, ConstantPolicy policy);

}  // namespace ke::graph
