// A graph with functions, viewed as the tree of calls that a run would make.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/op_registry.h"
#include "wire/bounds.h"
#include "wire/proto.h"

namespace ke::graph {

// The op that computes a tensor: output `output` of node `node` in the body of call `call`. In the body of a
// loop or a branch, a tensor may also be an argument.
struct Source {
  int call = 0;
  int node = 0;
  int output = 0;

  static Source OfArgument(int call, int argument) { return {call, -1 - argument, 0}; }
  bool IsArgument() const { return node < 0; }
  bool operator==(const Source& other) const {
    return call == other.call && node == other.node && output == other.output;
  }
};

// How an op runs functions of the library.
enum class Control { kNone, kWhile, kIf, kCase };
Control ControlOf(std::string_view op);
// Returns the number of data inputs before those that become arguments of the functions: the predicate.
constexpr size_t FirstArgument(Control control) { return control == Control::kWhile ? 0 : 1; }

// Expands a call only if a tensor is followed through the call. Call 0 is the top-level graph. The functions
// of a loop or a branch are calls, too. A tensor is not followed out of their bodies: the tensor is then an
// argument, whose value is only known when the model runs. A resource is followed. Nothing here
// recurses, because depth and size come from a file. Throws DATA_LOSS if the graph contradicts itself (a
// missing node, function or output, or calls in a cycle), UNIMPLEMENTED if functions recurse, and
// OUT_OF_RANGE beyond bounds.h.
class CallTree {
 public:
  // `graph` and `ops` must outlive the tree.
  CallTree(const proto::GraphDef& graph, OpRegistry* ops);

  struct Call {
    int parent = -1;
    int parent_node = -1;
    int depth = 0;
    const proto::FunctionDef* function = nullptr;  // null for the top level
    std::string scope;                             // prefix of the names of its nodes: "" or "outer/c1/"
    proto::Attrs attrs;                            // values of the body's placeholder attributes
    size_t first_input = 0;                        // the input of the node that is the first argument
    bool is_body = false;                          // of a loop or a branch that stays in the graph
    int body = 0;    // the innermost such body around the call, which may be the call itself; 0: none
    int bodies = 0;  // the number of such bodies around the call, with the call itself
    std::unordered_map<int, int> children;                // node -> call
    std::unordered_map<int, std::vector<int>> bodies_of;  // node -> calls of its functions, -1: not expanded
    std::unordered_map<int, size_t> chosen;               // node -> the branch that always runs
  };
  // References stay valid while the tree grows.
  const Call& call(int index) const { return *calls_[index]; }
  int size() const { return static_cast<int>(calls_.size()); }
  const proto::GraphDef& graph() const { return graph_; }
  // Returns the serialised VersionDef of the graph.
  proto::Bytes versions() const { return graph_.versions; }

  const std::vector<proto::NodeDef>& Nodes(int call) const;
  const proto::NodeDef& Node(const Source& at) const { return Nodes(at.call)[at.node]; }
  // Returns the name of the node in the flat graph.
  std::string FlatName(int call, int node) const;
  // Returns the attribute. A placeholder is replaced by the value that the call gives for it.
  proto::Bytes Attr(int call, int node, std::string_view name) const;

  // Follows a tensor, named as in the body of the call, through arguments and results to the op that computes
  // the tensor. `through` receives each call whose result was passed, outermost first, with the index of the
  // result.
  struct Passage {
    int call;
    int result;
  };
  Source Resolve(int call, std::string_view tensor, std::vector<Passage>* through = nullptr);
  // Does the same for a tensor named as in a graph: "node:index", in the body of any call.
  Source ResolveGraphName(int call, std::string_view tensor);
  // Returns the op that computes data input `input` of a node.
  Source Input(const Source& at, size_t input) { return Resolve(at.call, Node(at).inputs[input]); }

  // Returns the functions that a loop or branch may run: condition and body of a loop, or the branches with
  // index 0 first. Throws DATA_LOSS if one is missing.
  std::vector<proto::FunctionReference> Functions(int call, int node) const;
  // Returns the call that stands for function `index` of Functions().
  int ExpandBody(int call, int node, size_t index);
  // Makes the branch a plain call of function `index` of Functions(), the function that always runs.
  void Choose(int call, int node, size_t index) { calls_[call]->chosen[node] = index; }
  // Returns the op that computes result `result` of the call's function.
  Source Result(int call, size_t result);
  // Returns argument `argument` of the body: the argument itself, or the op behind a resource.
  Source Argument(int call, size_t argument);

  // Returns the node of that name in the body of the call, or nothing.
  std::optional<Source> FindNode(int call, std::string_view name);

  // Returns whether the node calls a function of the library, once.
  bool IsCall(int call, int node) const;
  // Returns the call that a node makes.
  int Expand(int call, int node);

 private:
  struct Body {
    proto::FunctionDef function;
    std::unordered_map<std::string_view, int> nodes;
    std::unordered_map<std::string_view, int> arguments;
  };
  const Body& FindBody(std::string_view name, std::string_view caller);
  int Make(int call, int node, std::string_view name, proto::Attrs attrs);
  const proto::OpDef& Signature(int call, int node);
  // Returns the number of tensors of an output argument of the node.
  int64_t OutputCount(int call, int node, const proto::ArgDef& argument);
  int OutputIndex(int call, int node, std::string_view argument, int offset);
  std::string_view CalledFunction(int call, int node, proto::Attrs* attrs) const;

  const proto::GraphDef& graph_;
  OpRegistry* ops_;
  std::unordered_map<std::string_view, int> top_nodes_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::unordered_map<std::string_view, std::unique_ptr<Body>> bodies_;
  std::unordered_map<std::string, int> scopes_in_use_;  // "function\nscope" of the calls made so far
  Allowance steps_left_{bounds::kSteps, "steps"};
  Allowance calls_left_{bounds::kCalls, "calls"};
  Allowance nodes_left_{bounds::kCalledNodes, "nodes"};
  Allowance names_left_{bounds::kCalledNames, "bytes of names"};
};

}  // namespace ke::graph
