// The flat graph that import produces: no calls, no variables, no control edges, only ops on tensors.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/call_tree.h"
#include "tensorflow/handles.h"
#include "wire/shape.h"
#include "wire/write_proto.h"

namespace ke::graph {

struct TensorId {
  int node = -1;
  int output = 0;
  bool operator==(const TensorId& other) const { return node == other.node && output == other.output; }
  bool operator<(const TensorId& other) const {
    return node != other.node ? node < other.node : output < other.output;
  }
};

struct FlatNode {
  enum class Kind { kOp, kInput, kWeight };
  Kind kind = Kind::kOp;
  std::string name;
  std::string op;
  std::vector<TensorId> inputs;
  std::vector<std::pair<std::string, std::string>> attrs;  // name -> serialised AttrValue

  std::string_view Attr(std::string_view attr) const;
};

// A variable, or a Const that acts as a variable.
struct FlatWeight {
  std::string name;  // as Keras names it
  int node = -1;     // in FlatGraph::nodes
  Shape shape;
  TF_DataType dtype = TF_FLOAT;
  std::shared_ptr<TF_Tensor> value;  // shared with the sessions that read the weight as a variable
  bool may_fold = true;              // whether TensorFlow may see the value: see layer_normalization.h
  bool is_variable = true;  // false: a Const of the file, whose name only tells its place in the file
  // The names of the nodes that read the weight. They determine the layers that the weight belongs to.
  std::vector<std::string> readers;
};

// A function that ops run: the condition or body of a loop, or a branch. Attributes of the ops name the
// function. Equal functions have equal names, in all models.
struct FlatFunction {
  std::string name;
  std::vector<FlatNode> nodes;      // inputs before consumers; the arguments are of kind kInput
  std::vector<TensorId> arguments;  // tensors of arbitrary dtypes, never resources
  std::vector<TensorId> results;
  std::string definition;  // serialised FunctionDef
};

struct FlatGraph {
  std::vector<FlatNode> nodes;  // inputs before consumers, otherwise in the model's own order
  std::vector<FlatWeight> weights;
  std::vector<TensorId> inputs;
  std::vector<TensorId> outputs;
  std::vector<TensorSpec> input_specs;  // named by the signature
  std::vector<TensorSpec> output_specs;
  // The name of the node that stands for the seed of the run, an int32 scalar. Empty: nothing is drawn at
  // random. The complete model takes the seed as its last input.
  std::string seed;
  std::map<std::string, FlatFunction, std::less<>> functions;  // by name
  std::string versions;                                        // serialised VersionDef of the file
  std::set<std::string> file_names;   // names of all nodes in the called bodies, including nodes that are not
                                      // part of the flat graph
  std::vector<std::string> warnings;  // sentences for the user

  std::string TensorName(TensorId tensor) const {
    return nodes[tensor.node].name + ":" + std::to_string(tensor.output);
  }
  // Returns the inputs of a node as a NodeDef names them ("name" or "name:1").
  std::vector<std::string> InputNames(const FlatNode& node) const;
};

// Appends the node as a field of a serialised GraphDef. Inputs and weights become Placeholders.
void AppendNode(const FlatGraph& graph, const FlatNode& node, std::string* graph_def);
// Does the same, with `inputs` as the names of the inputs.
void AppendNode(const FlatNode& node, const std::vector<std::string>& inputs, std::string* graph_def);

// Returns the functions that the nodes run, directly or in functions that they run.
std::set<std::string_view> FunctionsOf(const FlatGraph& graph, const std::vector<const FlatNode*>& nodes);
// Calls visit(node) for every node of the graph and of its functions.
void ForEachNode(const FlatGraph& graph, const std::function<void(const FlatNode&)>& visit);

// Sorts the nodes so that inputs precede their consumers. Among the possible orders, nodes with lower `rank`
// come first. Updates every TensorId.
void SortNodes(FlatGraph* graph, const std::vector<std::vector<int>>& rank);

}  // namespace ke::graph
