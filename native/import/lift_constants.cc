#include "import/lift_constants.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "ir/op_traits.h"
#include "ir/unique_names.h"
#include "tensorflow/dtype.h"
#include "tensorflow/import_graph.h"
#include "wire/proto.h"
#include "wire/text.h"

namespace ke::graph {

using tf::C;

namespace {

// A smaller Const costs less than sharing it saves, and shape inference may need its value.
constexpr size_t kLargeBytes = 16 * 1024;

// "a/b/" of "a/b/c".
std::string ScopeOf(std::string_view name) {
  return std::string(name.substr(0, name.size() - BaseName(name).size()));
}

struct Use {
  int node = -1;  // consumer, after ops that only pass the value on
  int input = 0;
};

// Ops between a variable and its use (Keras 3 reshapes biases).
bool PassesOn(std::string_view op) {
  return HasAnyTrait(op, {trait::kView, trait::kConverts}) && op != "IdentityN";  // has several outputs
}

// Returns the role of the Const for the op that uses it, as Keras names the role. Returns "" if the op
// determines no role.
std::string_view Role(const FlatNode& user, int input) {
  const std::string_view op = user.op;
  if (input == 1 && op.starts_with("DepthwiseConv2dNative")) return "depthwise_kernel";
  if (input == 1 && HasAnyTrait(op, {trait::kMatrixProduct, trait::kConvolution})) return "kernel";
  if (input == 1 && HasTrait(op, trait::kBiasAdd)) return "bias";
  if (HasTrait(op, trait::kBatchNorm)) {
    constexpr std::array<std::string_view, 5> kRoles = {"", "gamma", "beta", "moving_mean",
                                                        "moving_variance"};
    if (input >= 1 && input <= 4) return kRoles[input];
  }
  return {};
}

// Per node, the inputs that read the node, last consumers first.
std::vector<std::vector<Use>> DirectUses(const FlatGraph& graph) {
  std::vector<std::vector<Use>> uses(graph.nodes.size());
  for (int node = static_cast<int>(graph.nodes.size()) - 1; node >= 0; --node) {
    const std::vector<TensorId>& inputs = graph.nodes[node].inputs;
    for (size_t i = 0; i < inputs.size(); ++i) uses[inputs[i].node].push_back({node, static_cast<int>(i)});
  }
  return uses;
}

// Returns the uses of the node's value, after ops that only pass the value on. The uses form a tree, which is
// walked depth-first: a list per op would grow with the square of the length of a chain.
std::vector<Use> FindUses(const FlatGraph& graph, const std::vector<std::vector<Use>>& direct, int node) {
  std::vector<Use> found;
  std::vector<std::pair<int, size_t>> path = {{node, 0}};  // nodes, and how many uses were visited
  while (!path.empty()) {
    auto& [at, next] = path.back();
    if (next == direct[at].size()) {
      path.pop_back();
      continue;
    }
    const Use& use = direct[at][next++];
    if (use.input == 0 && PassesOn(graph.nodes[use.node].op)) {
      path.emplace_back(use.node, 0);
    } else {
      found.push_back(use);
    }
  }
  return found;
}

// Per node, whether the node is read like a frozen variable: by an Identity that was a ReadVariableOp.
std::vector<char> FindReadAsVariable(const FlatGraph& graph) {
  std::vector<char> read(graph.nodes.size(), 0);
  // Consumers come after their inputs, so the uses of an op are known before its input is visited.
  for (size_t node = graph.nodes.size(); node-- > 0;) {
    const FlatNode& user = graph.nodes[node];
    if (user.inputs.empty() || !PassesOn(user.op)) continue;
    const bool reads = user.op == "Identity" && BaseName(user.name).starts_with("ReadVariableOp");
    if (reads || read[node] != 0) read[user.inputs[0].node] = 1;
  }
  return read;
}

// Returns the values of the chosen Consts, decoded by TensorFlow.
std::vector<tf::TensorPtr> DecodeConstants(const FlatGraph& graph, const std::vector<int>& nodes) {
  std::string graph_def;
  for (const int node : nodes) AppendNode(graph, graph.nodes[node], &graph_def);
  const tf::GraphPtr scratch = tf::GraphOf(graph_def);
  std::vector<tf::TensorPtr> values;
  for (const int node : nodes) {
    const std::string& name = graph.nodes[node].name;
    TF_Tensor* value = nullptr;
    tf::Status read;
    C().TF_OperationGetAttrTensor(C().TF_GraphOperationByName(scratch.get(), name.c_str()), "value", &value,
                                  read);
    read.Check(name);
    values.emplace_back(value);
  }
  return values;
}

// Makes consumers read weights directly. Tools that freeze a graph inline calls and leave an Identity for
// each argument, outside any layer.
void ReadWeightsDirectly(FlatGraph* graph) {
  // Per Identity, the tensor that the Identity passes on, through any number of Identities, else none. Inputs
  // come before consumers. A damaged file may have an Identity without inputs, which TensorFlow has not seen
  // yet.
  std::vector<TensorId> passed(graph->nodes.size());
  for (size_t i = 0; i < graph->nodes.size(); ++i) {
    FlatNode& node = graph->nodes[i];
    for (TensorId& input : node.inputs) {
      const TensorId from = passed[input.node].node < 0 ? input : passed[input.node];
      if (node.op == "Identity" && &input == node.inputs.data()) passed[i] = from;
      if (graph->nodes[from.node].kind == FlatNode::Kind::kWeight) input = from;
    }
  }
}

}  // namespace

void LiftConstants(FlatGraph* graph, ConstantPolicy policy) {
  const std::vector<std::vector<Use>> direct = DirectUses(*graph);
  const std::vector<char> read_as_variable = FindReadAsVariable(*graph);
  std::map<int, FlatWeight*> given;  // by node: the Consts of the file that are weights already
  UniqueNames taken;
  for (FlatWeight& weight : graph->weights) {
    if (weight.is_variable) {
      taken.Make(weight.name);
    } else {
      given.emplace(weight.node, &weight);
    }
  }

  std::vector<int> chosen;
  std::vector<std::string> names;
  for (size_t i = 0; i < graph->nodes.size(); ++i) {
    const auto node = static_cast<int>(i);
    const FlatNode& def = graph->nodes[i];
    const auto weight = given.find(node);
    const bool is_const = def.kind == FlatNode::Kind::kOp && def.op == "Const";
    if (!is_const && weight == given.end()) continue;
    const bool floating = tf::IsFloating(proto::AttrType(def.Attr("dtype")).value_or(TF_INT32));
    std::string name = def.name;
    bool lift = weight != given.end() || (floating && def.Attr("value").size() >= kLargeBytes);
    if (floating && policy == ConstantPolicy::kVariableLike) {
      for (const Use& use : FindUses(*graph, direct, node)) {
        const FlatNode& user = graph->nodes[use.node];
        const std::string_view role = Role(user, use.input);
        if (role.empty()) continue;
        lift = true;
        // A name with a scope ("conv/kernel") is better than the place of the read
        // ("conv/Conv2D/ReadVariableOp"). A name without a scope ("unknown_7", a captured tensor) is worse.
        if (name.find("/ReadVariableOp") != std::string::npos || name.find('/') == std::string::npos) {
          name = ScopeOf(user.name) + std::string(role);
        }
        break;
      }
      lift = lift || read_as_variable[i] != 0 || name.ends_with("/ReadVariableOp") ||
             name.ends_with("/ReadVariableOp/resource") || BaseName(name) == "kernel" ||
             BaseName(name) == "bias";
    }
    if (!lift) continue;
    chosen.push_back(node);
    names.push_back(std::move(name));
  }
  if (chosen.empty()) return;

  std::vector<int> consts;
  for (const int node : chosen) {
    if (given.count(node) == 0) consts.push_back(node);
  }
  std::vector<tf::TensorPtr> values = DecodeConstants(*graph, consts);
  size_t value = 0;
  std::vector<FlatWeight> lifted;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const auto found = given.find(chosen[i]);
    FlatWeight made;
    FlatWeight& weight = found == given.end() ? made : *found->second;
    weight.name = taken.Make(names[i]);
    weight.readers.clear();
    for (const Use& use : FindUses(*graph, direct, chosen[i]))
      weight.readers.push_back(graph->nodes[use.node].name);
    if (found != given.end()) continue;
    weight.node = chosen[i];
    weight.is_variable = false;
    weight.value = std::move(values[value++]);
    weight.dtype = C().TF_TensorType(weight.value.get());
    weight.shape = Shape::Of(tf::Dims(weight.value.get()));
    FlatNode& def = graph->nodes[chosen[i]];
    def.kind = FlatNode::Kind::kWeight;
    def.attrs = {{"dtype", TypeAttr(weight.dtype)}, {"shape", ShapeAttr(weight.shape)}};
    lifted.push_back(std::move(made));
  }
  graph->weights.insert(graph->weights.end(), std::make_move_iterator(lifted.begin()),
                        std::make_move_iterator(lifted.end()));
  if (policy == ConstantPolicy::kVariableLike) ReadWeightsDirectly(graph);
}

}  // namespace ke::graph
