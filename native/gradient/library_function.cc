#include "gradient/library_function.h"

#include "ir/call_tree.h"
#include "numerics/numerics_op.h"
#include "tensorflow/import_graph.h"
#include "tensorflow/own_op.h"
#include "tensorflow/read_graph.h"
#include "wire/proto.h"
#include "wire/text.h"
#include "wire/write_proto.h"

namespace ke::gradient {

using graph::Quote;
using graph::Scope;
namespace proto = graph::proto;

namespace {

// Returns the serialised VersionDef of the graphs that the loaded TensorFlow makes. Nodes without versions
// would be imported by the rules of TensorFlow's first release.
const std::string& CurrentVersions() {
  static const std::string versions = [] {
    const Scope empty;
    const tf::BufferPtr graph_def = tf::ToGraphDef(empty.graph());
    return std::string(proto::ReadGraph(tf::View(graph_def.get()), "an empty graph").versions);
  }();
  return versions;
}

// Returns whether an attribute is written into a copy of its node. Shapes and colocations of the graph that
// was written may contradict the copy.
bool IsCopied(std::string_view attr) { return attr != "_class" && attr != "_output_shapes"; }

}  // namespace

LibraryFunction::LibraryFunction(const Scope& scope, const std::string& name) : name_(name) {
  const tf::BufferPtr definition = scope.FindFunction(name);
  if (definition == nullptr) {
    throw tf::Error(TF_DATA_LOSS, "the graph has no function " + Quote(name), name);
  }
  const proto::FunctionDef function =
      proto::ReadFunction(tf::View(definition.get()), "function " + Quote(name));
  for (const proto::ArgDef& argument : function.signature.inputs) arguments_.emplace_back(argument.name);

  // A graph that calls the function once: the call tree finds the source of each tensor of the body.
  const std::string called = graph::FunctionAttr(name);
  proto::GraphDef caller;
  proto::NodeDef call;
  call.name = "call";
  call.op = "PartitionedCall";
  call.attrs = {{"f", called}};
  std::vector<std::string> outside;
  for (size_t i = 0; i < arguments_.size(); ++i) outside.push_back("argument_" + std::to_string(i));
  for (const std::string& argument : outside) {
    proto::NodeDef node;
    node.name = argument;
    node.op = "Placeholder";
    caller.nodes.push_back(node);
    call.inputs.emplace_back(argument);
  }
  caller.nodes.push_back(call);
  caller.functions[name] = tf::View(definition.get());
  graph::OpRegistry ops;
  graph::CallTree tree(caller, &ops);
  const int call_node = static_cast<int>(arguments_.size());
  const int body = tree.Expand(0, call_node);
  const auto find = [&](const graph::Source& source) -> Tensor {
    if (source.call == 0) return {-1, source.node};
    if (source.call == body) return {source.node, source.output};
    throw tf::Error(TF_UNIMPLEMENTED,
                    "No confirmed gradient for function " + Quote(name) + ": the body calls another function",
                    name);
  };
  for (int i = 0; i < static_cast<int>(tree.Nodes(body).size()); ++i) {
    const proto::NodeDef& def = tree.Nodes(body)[i];
    Node node{std::string(def.name), std::string(def.op), {}, {}};
    for (const std::string_view input : def.inputs) node.inputs.push_back(find(tree.Resolve(body, input)));
    for (const auto& [attr, value] : def.attrs) {
      if (IsCopied(attr)) node.attrs.emplace_back(attr, tree.Attr(body, i, attr));
    }
    has_own_ops_ = has_own_ops_ || tf::IsOwnOp(node.op);
    nodes_.push_back(std::move(node));
  }
  for (size_t i = 0; i < function.signature.outputs.size(); ++i) {
    results_.push_back(find(tree.Resolve(0, "call:" + std::to_string(i))));
  }
}

bool LibraryFunction::ReturnsArgument(int i) const {
  Tensor tensor = results_[i];
  for (size_t hops = 0; tensor.node >= 0 && hops <= nodes_.size(); ++hops) {
    const Node& node = nodes_[tensor.node];
    if ((node.op != "Identity" && !tf::IsOwnOp(node.op)) || node.inputs.empty()) return false;
    tensor = node.inputs[0];
  }
  return tensor.node < 0 && tensor.position == i;
}

bool LibraryFunction::IsLeftOut(const Node& node, OwnOps own_ops) {
  if (!tf::IsOwnOp(node.op) || node.inputs.empty()) return false;
  return own_ops == OwnOps::kLeftOut || node.op == graph::NumericsOpName();
}

LibraryFunction::Tensor LibraryFunction::Copied(Tensor tensor, OwnOps own_ops) const {
  // The bound holds for nodes that form a cycle in a damaged file.
  for (size_t hops = 0; hops <= nodes_.size() && tensor.node >= 0; ++hops) {
    if (!IsLeftOut(nodes_[tensor.node], own_ops)) break;
    tensor = nodes_[tensor.node].inputs[0];
  }
  return tensor;
}

std::string LibraryFunction::Spell(Tensor tensor) const {
  if (tensor.node < 0) return arguments_[tensor.position];
  const std::string& name = nodes_[tensor.node].name;
  return tensor.position == 0 ? name : name + ":" + std::to_string(tensor.position);
}

std::vector<bool> LibraryFunction::Needed(const std::vector<Tensor>& results, OwnOps own_ops) const {
  std::vector<bool> needed(nodes_.size(), false);
  std::vector<Tensor> waiting = results;
  while (!waiting.empty()) {
    const int node = Copied(waiting.back(), own_ops).node;
    waiting.pop_back();
    if (node < 0 || needed[node]) continue;
    needed[node] = true;
    waiting.insert(waiting.end(), nodes_[node].inputs.begin(), nodes_[node].inputs.end());
  }
  return needed;
}

std::vector<TF_Output> LibraryFunction::AddTo(Scope* scope, const std::string& prefix,
                                              const std::vector<TF_Output>& arguments, OwnOps own_ops,
                                              const std::vector<bool>& wanted) const {
  if (arguments.size() != arguments_.size()) {
    throw tf::Error(TF_DATA_LOSS,
                    "function " + Quote(name_) + " takes " + std::to_string(arguments_.size()) +
                        " arguments. Received " + std::to_string(arguments.size()),
                    name_);
  }
  const auto is_wanted = [&](size_t result) { return wanted.empty() || wanted[result]; };
  std::vector<Tensor> sources;
  for (size_t i = 0; i < results_.size(); ++i) {
    if (is_wanted(i)) sources.push_back(Copied(results_[i], own_ops));
  }
  const std::vector<bool> needed = Needed(sources, own_ops);
  tf::ImportOptions options;
  options.prefix = scope->UniqueName(prefix);
  for (size_t i = 0; i < arguments.size(); ++i) options.inputs.push_back({{arguments_[i]}, arguments[i]});
  std::string graph_def;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!needed[i]) continue;
    std::vector<std::string> inputs;
    for (const Tensor input : nodes_[i].inputs) inputs.push_back(Spell(Copied(input, own_ops)));
    graph::AppendNode(nodes_[i].name, nodes_[i].op, inputs, nodes_[i].attrs, &graph_def);
  }
  graph::AppendVersions(CurrentVersions(), &graph_def);
  for (const Tensor source : sources) {
    if (source.node >= 0) options.outputs.push_back({nodes_[source.node].name, source.position});
  }
  const std::vector<TF_Output> returned = tf::ImportGraphDef(scope->graph(), graph_def, options, name_);
  auto next = returned.begin();
  auto source = sources.begin();
  std::vector<TF_Output> results;
  for (size_t i = 0; i < results_.size(); ++i) {
    if (!is_wanted(i)) {
      results.push_back({nullptr, 0});
      continue;
    }
    results.push_back(source->node < 0 ? arguments[source->position] : *next++);
    ++source;
  }
  return results;
}

}  // namespace ke::gradient
