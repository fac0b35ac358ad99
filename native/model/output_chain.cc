#include "model/output_chain.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string_view>

#include "ir/op_traits.h"
#include "rewrite/constant_vectors.h"
#include "tensorflow/dtype.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

using Kind = ChainLink::Kind;

// Increasing functions of each value. Most other unary ops have a maximum or turn the sign.
constexpr std::array<std::string_view, 18> kIncreasing = {
    "Asinh", "Atan", "ClipByValue", "Elu",  "Erf",      "Exp",  "Expm1", "LeakyRelu",  "Log",
    "Log1p", "Relu", "Relu6",       "Selu", "Softplus", "Sqrt", "Tanh",  "LogSoftmax", "Softsign"};

struct Step {
  TensorId next;
  Kind kind = Kind::kOther;
};

class ChainWalk {
 public:
  ChainWalk(const FlatGraph& graph, const TensorSpecs& tensors, const BiasFinder& biases)
      : graph_(graph), tensors_(tensors), biases_(biases), constants_(graph, tensors) {}

  std::vector<ChainLink> From(TensorId tensor) const {
    std::vector<ChainLink> chain;
    // A graph has no cycle, so the walk ends.
    for (;;) {
      const std::optional<Step> step = StepFrom(tensor);
      chain.push_back({graph_.TensorName(tensor), step ? step->kind : Kind::kOther});
      if (!step) return chain;
      tensor = step->next;
    }
  }

 private:
  std::optional<Step> StepFrom(TensorId tensor) const {
    const FlatNode& node = graph_.nodes[tensor.node];
    if (node.kind != FlatNode::Kind::kOp || node.inputs.empty()) return std::nullopt;
    if (node.op == "IdentityN") return Step{node.inputs[static_cast<size_t>(tensor.output)], Kind::kView};
    if (tensor.output != 0) return std::nullopt;
    const TensorId first = node.inputs[0];
    if (node.op == "ArgMax") return PicksUnit(node) ? std::optional(Step{first}) : std::nullopt;
    std::optional<Step> step = DecomposedSoftmax(node);
    if (!step) step = SingleStep(node);
    // A broadcast argument does not have the units of the result.
    return step && SameUnits(tensor, step->next) ? step : std::nullopt;
  }

  std::optional<Step> SingleStep(const FlatNode& node) const {
    const TensorId first = node.inputs[0];
    if (node.op == "Softmax") return Step{first, Kind::kSoftmax};
    if (node.op == "Sigmoid") return Step{first, Kind::kSigmoid};
    const bool increasing = std::find(kIncreasing.begin(), kIncreasing.end(), node.op) != kIncreasing.end();
    if (HasTrait(node.op, trait::kView)) return Step{first, Kind::kView};
    if (increasing) return Step{first};
    if (HasTrait(node.op, trait::kConverts)) {
      return IsFloating(first) ? std::optional(Step{first, Kind::kView}) : std::nullopt;
    }
    if (HasTrait(node.op, trait::kBiasAdd)) {
      return Depends(node.inputs[1]) ? std::nullopt : std::optional(Step{first});
    }
    if (HasTrait(node.op, trait::kBatchNorm)) {
      const bool is_training = proto::AttrBool(node.Attr("is_training")).value_or(true);
      return !is_training && IsPositive(node.inputs[1]) ? std::optional(Step{first}) : std::nullopt;
    }
    return node.inputs.size() == 2 ? BinaryStep(node) : std::nullopt;
  }

  // One operand is a constant.
  std::optional<Step> BinaryStep(const FlatNode& node) const {
    const bool by_first = Depends(node.inputs[0]);
    if (by_first == Depends(node.inputs[1])) return std::nullopt;
    const TensorId argument = node.inputs[by_first ? 0 : 1];
    const TensorId constant = node.inputs[by_first ? 1 : 0];
    const bool either = HasTrait(node.op, trait::kSum) || node.op == "Maximum" || node.op == "Minimum";
    const bool sum = either || (node.op == "Sub" && by_first);
    const bool product = node.op == "Mul" || (HasTrait(node.op, trait::kQuotient) && by_first);
    if (sum || (product && IsPositive(constant))) return Step{argument};
    return std::nullopt;
  }

  // exp(x) / sum(exp(x)), or the same with x - max(x), along the last axis.
  std::optional<Step> DecomposedSoftmax(const FlatNode& node) const {
    if (node.op != "RealDiv") return std::nullopt;
    const FlatNode& power = graph_.nodes[node.inputs[0].node];
    const FlatNode& sum = graph_.nodes[node.inputs[1].node];
    if (power.op != "Exp" || sum.op != "Sum" || !ReducesLast(sum)) return std::nullopt;
    if (!(sum.inputs[0] == node.inputs[0])) return std::nullopt;
    const TensorId exponent = power.inputs[0];
    const FlatNode& difference = graph_.nodes[exponent.node];
    if (difference.op == "Sub") {
      const FlatNode& largest = graph_.nodes[difference.inputs[1].node];
      if (largest.op == "Max" && ReducesLast(largest) && largest.inputs[0] == difference.inputs[0]) {
        return Step{difference.inputs[0], Kind::kSoftmax};
      }
    }
    return Step{exponent, Kind::kSoftmax};
  }

  bool ReducesLast(const FlatNode& node) const {
    const std::optional<int64_t> axis = OnlyInt(node.inputs[1]);
    const Shape* shape = ShapeOf(node.inputs[0]);
    return axis && shape != nullptr && (*axis == -1 || *axis == shape->rank() - 1);
  }

  // Returns whether the ArgMax returns a unit's number.
  bool PicksUnit(const FlatNode& node) const {
    const std::optional<int64_t> axis = OnlyInt(node.inputs[1]);
    const Shape* shape = ShapeOf(node.inputs[0]);
    return axis && shape != nullptr && shape->rank() > 1 && (*axis == -1 || *axis == shape->rank() - 1);
  }

  std::optional<int64_t> OnlyInt(TensorId tensor) const {
    const FlatNode& node = graph_.nodes[tensor.node];
    const auto value = node.op == "Const" ? proto::AttrTensor(node.Attr("value")) : std::nullopt;
    if (!value) return std::nullopt;
    const std::vector<int64_t> values = proto::TensorInts(*value);
    return values.size() == 1 ? std::optional(values[0]) : std::nullopt;
  }

  // Returns whether two tensors differ only in axes of size 1. The samples are axis 0 of both.
  bool SameUnits(TensorId a, TensorId b) const {
    const Shape* left = ShapeOf(a);
    const Shape* right = ShapeOf(b);
    if (left == nullptr || right == nullptr || left->rank() < 1 || right->rank() < 1) return false;
    const std::vector<int64_t> sizes = UnitSizes(*left);
    // Two sizes that are unknown may be other sizes after a Reshape.
    return left->dims[0] == right->dims[0] && sizes == UnitSizes(*right) &&
           (left->dims == right->dims || std::count(sizes.begin(), sizes.end(), -1) < 2);
  }

  static std::vector<int64_t> UnitSizes(const Shape& shape) {
    std::vector<int64_t> sizes;
    std::copy_if(shape.dims.begin() + 1, shape.dims.end(), std::back_inserter(sizes),
                 [](int64_t size) { return size != 1; });
    return sizes;
  }

  // Returns null for a tensor of unknown rank.
  const Shape* ShapeOf(TensorId tensor) const {
    const auto spec = tensors_.find(graph_.TensorName(tensor));
    return spec == tensors_.end() || !spec->second.shape.known_rank ? nullptr : &spec->second.shape;
  }

  bool IsFloating(TensorId tensor) const {
    const auto spec = tensors_.find(graph_.TensorName(tensor));
    return spec != tensors_.end() && tf::IsFloating(spec->second.dtype);
  }

  bool IsPositive(TensorId tensor) const {
    if (tensor.output != 0) return false;
    const std::optional<std::vector<double>> values = constants_.Values(tensor.node);
    return values && std::all_of(values->begin(), values->end(), [](double value) { return value > 0; });
  }

  bool Depends(TensorId tensor) const { return biases_.Depends(tensor); }

  const FlatGraph& graph_;
  const TensorSpecs& tensors_;
  const BiasFinder& biases_;
  const ConstantVectors constants_;
};

}  // namespace

std::vector<ChainLink> OutputChain(const FlatGraph& graph, const TensorSpecs& tensors,
                                   const BiasFinder& biases, TensorId output) {
  return ChainWalk(graph, tensors, biases).From(output);
}

}  // namespace ke::graph
