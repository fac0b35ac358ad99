#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/flat_graph.h"
#include "ir/op_registry.h"

namespace ke::graph {

// A function of the flat graph, with what the ops that run the function need to know.
struct FunctionBody {
  std::string name;                  // in FlatGraph::functions
  std::vector<TF_DataType> results;  // dtypes
  bool is_stateful = false;          // whether an op is stateful by TensorFlow's definition
};

// Adds functions to the flat graph `graph`, which must outlive this object.
class FunctionBodies {
 public:
  FunctionBodies(FlatGraph* graph, OpRegistry* ops) : graph_(*graph), ops_(*ops) {}

  // Makes the nodes of `body` a function: the inputs of `body` are its arguments, `results` its results.
  // `name` is the file's name for the function. Throws if TensorFlow refuses the nodes.
  FunctionBody Add(FlatGraph body, std::vector<TensorId> results, std::string_view name,
                   const std::string& versions);

 private:
  FlatGraph& graph_;
  OpRegistry& ops_;
  // By name, what the name is the hash of. Definitions of equal functions may differ: TensorFlow writes maps
  // in any order.
  std::map<std::string, std::string> keys_;
};

}  // namespace ke::graph
