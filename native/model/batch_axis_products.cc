// Products, normalisations and reductions: ops that compute a value from several positions.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "ir/op_traits.h"
#include "model/batch_axis_rules.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

// Returns the first input along `axis`: mixed if `axis` is the axis of samples.
SampleState AlongAxis(const OpUse& use, int axis) {
  const SampleState& x = use.inputs[0];
  if (axis < 0 || !x.HasAxis()) return SampleState::Unknown();
  return x.axis == axis ? SampleState::Mixed() : x;
}

SampleState Reduced(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  const int rank = use.facts[0].rank();
  const bool keeps = proto::AttrBool(use.node.Attr("keep_dims")).value_or(false);
  if (!x.HasAxis() || rank < 0) return SampleState::Unknown();
  const SmallIntegers& axes = use.inputs[1].integers;
  std::vector<char> reduced(rank, 0);
  if (axes) {
    for (const SmallInteger& axis : *axes) {
      if (axis.kind != SmallInteger::Kind::kKnown || axis.value < -rank || axis.value >= rank) {
        return SampleState::Unknown();
      }
      reduced[axis.value < 0 ? axis.value + rank : axis.value] = 1;
    }
  } else if (use.output.rank() == 0) {
    return SampleState::Mixed();
  } else if (keeps && use.output.rank() == rank) {
    for (int axis = 0; axis < rank; ++axis) {
      reduced[axis] = use.output.shape.dims[axis] == 1 && use.facts[0].shape.dims[axis] != 1 ? 1 : 0;
    }
  } else {
    return SampleState::Unknown();
  }
  if (reduced[x.axis] != 0) return SampleState::Mixed();
  const auto before = std::count(reduced.begin(), reduced.begin() + x.axis, 1);
  return SampleState::Axis(keeps ? x.axis : x.axis - static_cast<int>(before), x.ordered);
}

// Returns the state of ArgMax and ArgMin, which remove the axis.
SampleState ArgReduced(const OpUse& use) {
  const int axis = KnownAxis(use, 1, use.facts[0].rank());
  const SampleState found = AlongAxis(use, axis);
  if (!found.HasAxis()) return found;
  return SampleState::Axis(found.axis > axis ? found.axis - 1 : found.axis, found.ordered);
}

bool ChannelsFirst(const FlatNode& node) {
  return proto::AttrString(node.Attr("data_format")).value_or("NHWC").substr(0, 2) == "NC";
}

std::vector<SampleState> BatchNorm(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  if (!x.HasAxis()) return {SampleState::Unknown()};
  if (!proto::AttrBool(use.node.Attr("is_training")).value_or(true)) return {x, SampleState::None()};
  const int rank = use.facts[0].rank();
  const int channels = ChannelsFirst(use.node) ? 1 : rank - 1;
  // Layer normalisations of Keras 2 have one channel per sample.
  if (rank > 1 && x.axis == channels) return {x, SampleState::Unknown()};
  return {SampleState::Mixed()};
}

SampleState Convolution(const OpUse& use) {
  const size_t data = use.node.op.find("Backprop") == std::string::npos ? 0 : 2;
  if (use.inputs.size() <= data || !use.inputs[1].IsNone()) return SampleState::Unknown();
  const SampleState& x = use.inputs[data];
  return x.HasAxis() && x.axis == 0 ? x : SampleState::Unknown();
}

SampleState MatrixProduct(const OpUse& use) {
  const bool batched = use.node.op != "MatMul";
  const std::array<bool, 2> turned = {
      proto::AttrBool(use.node.Attr(batched ? "adj_x" : "transpose_a")).value_or(false),
      proto::AttrBool(use.node.Attr(batched ? "adj_y" : "transpose_b")).value_or(false)};
  const int rank = std::max(use.facts[0].rank(), use.facts[1].rank());
  std::optional<SampleState> found;
  for (size_t i = 0; i < 2; ++i) {
    const SampleState& input = use.inputs[i];
    const int own = use.facts[i].rank();
    if (own < 2 || rank < 2) return SampleState::Unknown();
    if (input.IsNone()) continue;
    if (!input.HasAxis()) return SampleState::Unknown();
    int axis = input.axis + rank - own;
    if (axis >= rank - 2) {
      // The rows of the first operand and the columns of the second operand remain.
      const bool is_row = (axis == rank - 2) != turned[i];
      if (is_row != (i == 0)) return SampleState::Mixed();
      axis = i == 0 ? rank - 2 : rank - 1;
    }
    if (found && found->axis != axis) return SampleState::Mixed();
    if (found && found->ordered != input.ordered) return SampleState::Unknown();
    found = SampleState::Axis(axis, input.ordered);
  }
  return found.value_or(SampleState::None());
}

// Returns the label of `axis` of an operand of rank `rank`. An axis of an ellipsis has the label "." and its
// distance from the end of the ellipsis.
std::optional<std::string> Label(std::string_view labels, int axis, int rank) {
  const size_t dots = labels.find("...");
  if (dots == std::string_view::npos) {
    if (static_cast<size_t>(axis) >= labels.size()) return std::nullopt;
    return std::string(1, labels[axis]);
  }
  const int before = static_cast<int>(dots);
  const int after = static_cast<int>(labels.size() - dots) - 3;
  if (axis < before) return std::string(1, labels[axis]);
  if (axis >= rank - after) return std::string(1, labels[labels.size() - static_cast<size_t>(rank - axis)]);
  return "." + std::to_string(rank - after - axis);
}

SampleState Einsum(const OpUse& use) {
  const std::string equation(proto::AttrString(use.node.Attr("equation")).value_or(""));
  const size_t arrow = equation.find("->");
  if (arrow == std::string::npos) return SampleState::Unknown();
  const std::string_view result = std::string_view(equation).substr(arrow + 2);
  std::string_view rest = std::string_view(equation).substr(0, arrow);
  std::optional<std::string> label;
  std::optional<bool> ordered;
  for (size_t i = 0; i < use.inputs.size(); ++i) {
    const size_t comma = rest.find(',');
    const std::string_view labels = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const SampleState& input = use.inputs[i];
    if (input.IsNone()) continue;
    if (!input.HasAxis() || use.facts[i].rank() < 0) return SampleState::Unknown();
    const std::optional<std::string> own = Label(labels, input.axis, use.facts[i].rank());
    if (!own || (ordered && *ordered != input.ordered)) return SampleState::Unknown();
    if (label && *label != *own) return SampleState::Mixed();
    label = own;
    ordered = input.ordered;
  }
  if (!label) return SampleState::Unknown();
  for (int axis = 0; axis < use.output.rank(); ++axis) {
    if (Label(result, axis, use.output.rank()) == label)
      return SampleState::Axis(axis, ordered.value_or(false));
  }
  // The samples are summed.
  return use.output.rank() >= 0 ? SampleState::Mixed() : SampleState::Unknown();
}

// Sums over segments of rows.
SampleState Segments(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  const bool told = use.inputs[1].IsNone() || use.inputs[1].HasAxis();
  return x.HasAxis() && x.axis == 0 && x.ordered && told ? SampleState::Mixed() : SampleState::Unknown();
}

}  // namespace

std::vector<SampleState> StatesOfProducts(const OpUse& use) {
  const std::string_view op = use.node.op;
  const int last = use.facts[0].rank() - 1;
  if (HasTrait(op, trait::kReduction)) return {Reduced(use)};
  if (HasTrait(op, trait::kBatchNorm)) return BatchNorm(use);
  if (op == "Einsum") return {Einsum(use)};
  if (HasTrait(op, trait::kMatrixProduct)) return {MatrixProduct(use)};
  if (HasTrait(op, trait::kProduct)) return {Convolution(use)};
  if (op == "Softmax" || op == "LogSoftmax" || op == "TopK" || op == "TopKV2") return {AlongAxis(use, last)};
  if (op == "Cumsum" || op == "Cumprod" || op == "CumulativeLogsumexp") {
    return {AlongAxis(use, KnownAxis(use, 1, last + 1))};
  }
  if (op == "ArgMax" || op == "ArgMin") return {ArgReduced(use)};
  if (op == "L2Loss") return {SampleState::Mixed()};
  if (op.starts_with("Segment") || op.starts_with("UnsortedSegment")) return {Segments(use)};
  return {};
}

}  // namespace ke::graph
