#include "rewrite/bfloat16.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

#include "ir/op_traits.h"
#include "tensorflow/read_graph.h"

namespace ke::graph {

using tf::C;

namespace {

constexpr int kKernelInput = 1;

uint16_t Rounded(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40);  // a quiet NaN
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Views of a graph under construction and of a model's graph, for the walks below. The inputs of a tensor are
// the tensors that determine its values.
struct BuiltGraph {
  using Tensor = std::pair<TF_Operation*, int>;

  static std::string_view Type(const Tensor& tensor) { return C().TF_OperationOpType(tensor.first); }
  static std::vector<Tensor> Inputs(const Tensor& tensor) {
    const std::string_view type = Type(tensor);
    if (HasTrait(type, trait::kShapeOnly)) return {};
    std::vector<Tensor> inputs;
    for (const TF_Output& input : tf::Inputs(tensor.first)) inputs.emplace_back(input.oper, input.index);
    if (type == "While" || type == "StatelessWhile") return {inputs[tensor.second]};
    return inputs;
  }
};

struct ModelsGraph {
  using Tensor = TensorId;
  const FlatGraph& graph;

  std::string_view Type(const Tensor& tensor) const { return graph.nodes[tensor.node].op; }
  std::vector<Tensor> Inputs(const Tensor& tensor) const {
    if (HasTrait(Type(tensor), trait::kShapeOnly)) return {};
    return graph.nodes[tensor.node].inputs;
  }
};

// Calls visit(tensor) once for each of `tensors` and for each tensor that they are computed from. The walk
// ends at products, which are visited.
template <typename Graph, typename Visit, typename Tensor = typename Graph::Tensor>
void WalkToProducts(const Graph& graph, std::vector<Tensor> waiting, Visit visit) {
  std::set<Tensor> seen;
  while (!waiting.empty()) {
    const Tensor tensor = waiting.back();
    waiting.pop_back();
    if (!seen.insert(tensor).second) continue;
    visit(tensor);
    if (HasTrait(graph.Type(tensor), trait::kProduct)) continue;
    for (const Tensor& input : graph.Inputs(tensor)) waiting.push_back(input);
  }
}

// Returns those of `tensors` from which no other of `tensors` is computed by a product.
template <typename Graph, typename Tensor = typename Graph::Tensor>
std::vector<Tensor> Results(const Graph& graph, const std::vector<Tensor>& tensors) {
  if (tensors.size() < 2) return tensors;
  // Every tensor is visited at most twice: before and after a product.
  std::set<std::pair<Tensor, bool>> seen;
  std::vector<std::pair<Tensor, bool>> waiting;
  for (const Tensor& tensor : tensors) waiting.emplace_back(tensor, false);
  while (!waiting.empty()) {
    const auto [tensor, behind] = waiting.back();
    waiting.pop_back();
    if (!seen.emplace(tensor, behind).second) continue;
    const bool inputs_behind = behind || HasTrait(graph.Type(tensor), trait::kProduct);
    for (const Tensor& input : graph.Inputs(tensor)) waiting.emplace_back(input, inputs_behind);
  }
  std::vector<Tensor> results;
  for (const Tensor& tensor : tensors) {
    if (seen.count({tensor, true}) == 0) results.push_back(tensor);
  }
  return results;
}

}  // namespace

std::vector<TF_Operation*> LogitsProducts(const std::vector<TF_Output>& fetches) {
  const BuiltGraph graph;
  std::vector<BuiltGraph::Tensor> tensors;
  for (const TF_Output& fetch : fetches) {
    BuiltGraph::Tensor tensor{fetch.oper, fetch.index};
    // Skips the Identity through which the tensor is fetched.
    while (BuiltGraph::Type(tensor) == "Identity") tensor = BuiltGraph::Inputs(tensor)[0];
    tensors.push_back(tensor);
  }
  std::vector<TF_Operation*> products;
  std::set<TF_Operation*> known;
  WalkToProducts(graph, Results(graph, tensors), [&](const BuiltGraph::Tensor& tensor) {
    if (HasTrait(BuiltGraph::Type(tensor), trait::kProduct) && known.insert(tensor.first).second)
      products.push_back(tensor.first);
  });
  return products;
}

std::vector<bool> LogitsProducts(const FlatGraph& graph, const std::vector<TensorId>& logits) {
  const ModelsGraph model{graph};
  std::vector<bool> products(graph.nodes.size());
  WalkToProducts(model, Results(model, logits), [&](const TensorId& tensor) {
    if (HasTrait(model.Type(tensor), trait::kProduct)) products[tensor.node] = true;
  });
  return products;
}

std::vector<bool> KernelsOf(const FlatGraph& graph, const std::vector<bool>& nodes) {
  std::vector<bool> read(graph.nodes.size());
  for (size_t node = 0; node < graph.nodes.size(); ++node) {
    const std::vector<TensorId>& inputs = graph.nodes[node].inputs;
    if (nodes[node] && inputs.size() > kKernelInput) read[inputs[kKernelInput].node] = true;
  }
  std::vector<bool> kernels;
  for (const FlatWeight& weight : graph.weights) kernels.push_back(read[weight.node]);
  return kernels;
}

std::vector<bool> FindKernels(const FlatGraph& graph) {
  std::vector<char> convolved(graph.nodes.size(), 0);
  std::vector<char> otherwise(graph.nodes.size(), 0);
  for (const FlatNode& node : graph.nodes) {
    const bool convolution = HasTrait(node.op, trait::kConvolution);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      (convolution && i == kKernelInput ? convolved : otherwise)[node.inputs[i].node] = 1;
    }
  }
  std::vector<bool> kernels;
  for (const FlatWeight& weight : graph.weights) {
    kernels.push_back(weight.dtype == TF_FLOAT && convolved[weight.node] != 0 && otherwise[weight.node] == 0);
  }
  return kernels;
}

std::shared_ptr<TF_Tensor> ToBfloat16(const TF_Tensor* tensor) {
  tf::TensorPtr made = tf::AllocateTensor(TF_BFLOAT16, tf::Dims(tensor));
  const auto* from = static_cast<const float*>(C().TF_TensorData(tensor));
  auto* to = static_cast<uint16_t*>(C().TF_TensorData(made.get()));
  std::transform(from, from + C().TF_TensorElementCount(tensor), to, Rounded);
  return made;
}

}  // namespace ke::graph
