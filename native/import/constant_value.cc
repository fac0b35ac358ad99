#include "import/constant_value.h"

#include <set>
#include <string>
#include <vector>

#include "ir/op_traits.h"
#include "tensorflow/import_graph.h"

namespace ke::graph {

using tf::C;

namespace {

// A predicate of a real model is computed from some tens of ops.
constexpr size_t kMostOps = 1'000;
// The value of a larger Const does not determine a branch, and a second copy would cost memory.
constexpr size_t kMostBytes = 16 * 1024;
// The elements of a tensor that is computed on the way.
constexpr int64_t kMostElements = 64 * 1024;

bool IsLargeConst(const FlatNode& node) {
  return node.op == "Const" && node.Attr("value").size() > kMostBytes;
}

// Returns the value of a scalar bool or integer.
std::optional<int64_t> ScalarOf(const TF_Tensor* tensor) {
  if (C().TF_NumDims(tensor) != 0) return std::nullopt;
  const void* data = C().TF_TensorData(tensor);
  switch (C().TF_TensorType(tensor)) {
    case TF_BOOL:
      return *static_cast<const unsigned char*>(data) != 0 ? 1 : 0;
    case TF_INT32:
      return *static_cast<const int32_t*>(data);
    case TF_INT64:
      return *static_cast<const int64_t*>(data);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<int64_t> ConstantValues::Find(const FlatGraph& graph, const TensorId& tensor) {
  if (!MayBeConstant(graph, tensor)) return std::nullopt;
  Grow(graph);
  std::vector<TensorId> waiting{tensor};
  std::set<TensorId> seen;
  while (!waiting.empty()) {
    const TensorId at = waiting.back();
    waiting.pop_back();
    if (!seen.insert(at).second) continue;
    tf::Status status;
    const TF_Output built = Built(graph, at);
    const int rank = C().TF_GraphGetTensorNumDims(scratch_.get(), built, status);
    if (!status.ok() || rank < 0) return std::nullopt;
    std::vector<int64_t> dims(rank);
    C().TF_GraphGetTensorShape(scratch_.get(), built, dims.data(), rank, status);
    int64_t elements = 1;
    for (const int64_t dim : dims) {
      if (dim < 0 || dim > kMostElements) return std::nullopt;
      elements *= dim;
      if (elements > kMostElements) return std::nullopt;
    }
    const FlatNode& node = graph.nodes[at.node];
    if (HasTrait(node.op, trait::kShapeOnly)) continue;
    waiting.insert(waiting.end(), node.inputs.begin(), node.inputs.end());
  }
  tf::Status status;
  TF_Tensor* value = nullptr;
  const bool found =
      C().TF_TryEvaluateConstant(scratch_.get(), Built(graph, tensor), &value, status) != 0 && status.ok();
  const tf::TensorPtr owned(value);
  if (!found || value == nullptr) return std::nullopt;
  return ScalarOf(value);
}

// Returns whether `tensor` is computed by few ops, from constants and shapes alone, in the same way in every
// run.
bool ConstantValues::MayBeConstant(const FlatGraph& graph, const TensorId& tensor) const {
  std::vector<int> waiting{tensor.node};
  std::set<int> seen;
  while (!waiting.empty()) {
    const int at = waiting.back();
    waiting.pop_back();
    if (!seen.insert(at).second) continue;
    const FlatNode& node = graph.nodes[at];
    if (node.kind != FlatNode::Kind::kOp || seen.size() > kMostOps || IsLargeConst(node)) return false;
    if (HasTrait(node.op, trait::kShapeOnly)) continue;
    if (!HasTrait(node.op, trait::kPure) ||
        HasAnyTrait(node.op, {trait::kStateful, trait::kRandom, trait::kControlFlow})) {
      return false;
    }
    for (const TensorId& input : node.inputs) waiting.push_back(input.node);
  }
  return true;
}

// Adds the nodes that are new since the last call.
void ConstantValues::Grow(const FlatGraph& graph) {
  if (scratch_ == nullptr) scratch_.reset(C().TF_NewGraph());
  std::string graph_def;
  tf::ImportOptions options;
  std::set<TensorId> mapped;
  for (size_t i = built_; i < graph.nodes.size(); ++i) {
    const FlatNode& node = graph.nodes[i];
    if (IsLargeConst(node)) {
      const std::optional<proto::Bytes> value = proto::AttrTensor(node.Attr("value"));
      const FlatNode fed{FlatNode::Kind::kInput,
                         node.name,
                         {},
                         {},
                         {{"dtype", std::string(node.Attr("dtype"))},
                          {"shape", ShapeAttr(proto::TensorShape(value.value_or(proto::Bytes())))}}};
      AppendNode(graph, fed, &graph_def);
      continue;
    }
    AppendNode(graph, node, &graph_def);
    for (const TensorId& input : node.inputs) {
      if (static_cast<size_t>(input.node) >= built_ || !mapped.insert(input).second) continue;
      options.inputs.push_back({{graph.nodes[input.node].name, input.output}, Built(graph, input)});
    }
  }
  if (built_ < graph.nodes.size()) tf::ImportGraphDef(scratch_.get(), graph_def, options);
  built_ = graph.nodes.size();
}

// Throws DATA_LOSS if the op has no such output.
TF_Output ConstantValues::Built(const FlatGraph& graph, const TensorId& tensor) const {
  const std::string& name = graph.nodes[tensor.node].name;
  const TF_Output built{C().TF_GraphOperationByName(scratch_.get(), name.c_str()), tensor.output};
  if (built.oper != nullptr && built.index < C().TF_OperationNumOutputs(built.oper)) return built;
  throw tf::Error(
      TF_DATA_LOSS,
      "the model's graph contradicts itself: '" + name + "' has no output " + std::to_string(tensor.output),
      name);
}

}  // namespace ke::graph
