#include "rewrite/constant_vectors.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string_view>

#include "ir/op_traits.h"
#include "wire/proto.h"

namespace ke::graph {

using tf::C;

namespace {

// Limits on time and memory. No real network has more channels, and no normalisation computes its factors
// with more ops.
constexpr int64_t kMaxElements = 16 * 1024;
constexpr size_t kMaxOps = 64;

using Unary = double (*)(double);
using Binary = double (*)(double, double);

Unary UnaryOf(std::string_view op) {
  if (op == "Neg") return [](double x) { return -x; };
  if (op == "Square") return [](double x) { return x * x; };
  if (op == "Sqrt") return [](double x) { return std::sqrt(x); };
  if (op == "Rsqrt") return [](double x) { return 1 / std::sqrt(x); };
  return nullptr;
}

Binary BinaryOf(std::string_view op) {
  if (HasTrait(op, trait::kSum)) return [](double a, double b) { return a + b; };
  if (op == "Sub") return [](double a, double b) { return a - b; };
  if (op == "Mul") return [](double a, double b) { return a * b; };
  if (op == "RealDiv") return [](double a, double b) { return a / b; };
  return nullptr;
}

int64_t Count(const std::vector<int64_t>& dims) {
  int64_t count = 1;
  for (const int64_t dim : dims) {
    if (dim > kMaxElements) return dim;
    count *= dim;
    if (count > kMaxElements) return count;
  }
  return count;
}

}  // namespace

ConstantVectors::ConstantVectors(const FlatGraph& graph, const TensorSpecs& tensors)
    : graph_(graph), tensors_(tensors), known_(graph.nodes.size(), 0) {
  for (const FlatWeight& weight : graph.weights) weights_.emplace(weight.node, &weight);
  for (size_t node = 0; node < graph.nodes.size(); ++node) known_[node] = IsKnown(static_cast<int>(node));
}

const std::vector<int64_t>* ConstantVectors::DimsOf(int node) const {
  const auto spec = tensors_.find(graph_.TensorName({node, 0}));
  return spec != tensors_.end() && spec->second.dtype == TF_FLOAT && spec->second.shape.IsFullyKnown()
             ? &spec->second.shape.dims
             : nullptr;
}

const std::vector<int64_t>* ConstantVectors::Dims(int node) const {
  return known_[node] != 0 ? DimsOf(node) : nullptr;
}

// Inputs come before their consumers.
bool ConstantVectors::IsKnown(int index) const {
  const FlatNode& node = graph_.nodes[index];
  if (node.kind == FlatNode::Kind::kInput) return false;
  const std::vector<int64_t>* dims = DimsOf(index);
  if (dims == nullptr) return false;
  const int64_t count = Count(*dims);
  if (count < 1 || count > kMaxElements) return false;
  if (node.kind == FlatNode::Kind::kWeight || node.op == "Const") return true;
  const auto known = [&](const TensorId& input) { return known_[input.node] != 0 && input.output == 0; };
  if (HasTrait(node.op, trait::kView)) return known(node.inputs[0]);
  if (UnaryOf(node.op) == nullptr && BinaryOf(node.op) == nullptr) return false;
  // Only single values are broadcast, so all other operands have the order of the result.
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const TensorId& input) {
    if (!known(input)) return false;
    const int64_t size = Count(*DimsOf(input.node));
    return size == count || size == 1;
  });
}

std::vector<double> ConstantVectors::Compute(
    int index, const std::unordered_map<int, std::vector<double>>& values_by_node) const {
  const FlatNode& node = graph_.nodes[index];
  const auto count = static_cast<size_t>(Count(*DimsOf(index)));
  if (node.kind == FlatNode::Kind::kWeight) {
    const auto* values = static_cast<const float*>(C().TF_TensorData(weights_.at(index)->value.get()));
    return {values, values + count};
  }
  if (node.op == "Const") {
    const std::vector<float> values =
        proto::TensorFloats(proto::AttrTensor(node.Attr("value")).value_or(proto::Bytes()), count);
    return {values.begin(), values.end()};
  }
  const std::vector<double>& first = values_by_node.at(node.inputs[0].node);
  std::vector<double> result(count);
  if (const Unary compute = UnaryOf(node.op)) {
    std::transform(first.begin(), first.end(), result.begin(), compute);
  } else if (const Binary combine = BinaryOf(node.op)) {
    const std::vector<double>& second = values_by_node.at(node.inputs[1].node);
    for (size_t i = 0; i < count; ++i) {
      result[i] = combine(first[first.size() == 1 ? 0 : i], second[second.size() == 1 ? 0 : i]);
    }
  } else {
    return first;
  }
  return result;
}

std::optional<std::vector<double>> ConstantVectors::Values(int node) const {
  if (known_[node] == 0) return std::nullopt;
  std::set<int> found = {node};
  std::vector<int> waiting = {node};
  while (!waiting.empty()) {
    const FlatNode& def = graph_.nodes[waiting.back()];
    waiting.pop_back();
    const size_t inputs = HasTrait(def.op, trait::kView) ? 1 : def.inputs.size();
    for (size_t i = 0; i < inputs; ++i) {
      if (found.insert(def.inputs[i].node).second) waiting.push_back(def.inputs[i].node);
    }
    if (found.size() > kMaxOps) return std::nullopt;
  }
  std::unordered_map<int, std::vector<double>> values;
  for (const int each : found) values.emplace(each, Compute(each, values));
  return std::move(values.at(node));
}

}  // namespace ke::graph
