#include "model/batch_axis_rules.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "ir/op_traits.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

using Kind = SampleState::Kind;

// A mixed predicate counts, too: the other samples then determine which function runs.
bool TakesMixed(const OpUse& use) {
  return std::any_of(use.inputs.begin(), use.inputs.end(),
                     [](const SampleState& input) { return input.kind == Kind::kMixed; });
}

// Returns the state of a tensor whose sizes are the integers of `sizes`: zeros, or random numbers.
SampleState WithSizes(const SampleState& sizes) {
  if (!sizes.integers) return sizes.IsNone() ? SampleState::None() : SampleState::Unknown();
  int axis = -1;
  for (size_t i = 0; i < sizes.integers->size(); ++i) {
    if (!(*sizes.integers)[i].OfBatch()) continue;
    if (axis >= 0) return SampleState::Unknown();
    axis = static_cast<int>(i);
  }
  return axis < 0 ? SampleState::None() : SampleState::Axis(axis);
}

SmallIntegers ShapeOf(const SampleState& state, const Shape& shape) {
  if (!shape.known_rank) return std::nullopt;
  std::vector<SmallInteger> sizes;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int64_t size = shape.dims[axis];
    if (size >= 0) {
      sizes.push_back(SmallInteger::Known(size));
    } else if (state.HasAxis()) {
      const bool samples = axis == state.axis;
      const auto of_samples = state.ordered ? SmallInteger::Kind::kBatch : SmallInteger::Kind::kSized;
      sizes.push_back({samples ? of_samples : SmallInteger::Kind::kFree, 0});
    } else {
      sizes.push_back({state.IsNone() ? SmallInteger::Kind::kFree : SmallInteger::Kind::kSized, 0});
    }
  }
  return sizes;
}

// Ops that read only shapes. Returns none for any other op.
std::vector<SampleState> StatesOfShapes(const OpUse& use) {
  const std::string_view op = use.node.op;
  if (!HasTrait(op, trait::kShapeOnly)) return {};
  if (HasTrait(op, trait::kUnary)) {
    return {use.inputs[0].HasAxis() || use.inputs[0].IsNone() ? use.inputs[0] : SampleState::Unknown()};
  }
  std::vector<SampleState> states;
  for (size_t i = 0; i < use.inputs.size(); ++i) {
    SmallIntegers sizes = ShapeOf(use.inputs[i], use.facts[i].shape);
    if (op == "Rank" && sizes) {
      sizes = {SmallInteger::Known(static_cast<int64_t>(sizes->size()))};
    } else if (op == "Size" && sizes) {
      SmallInteger product = SmallInteger::Known(1);
      for (const SmallInteger& size : *sizes) product = Multiply(product, size);
      sizes = {product};
    }
    states.push_back(SampleState::Of(std::move(sizes)));
  }
  return states;
}

// Ops of whose inputs none has values of samples.
std::vector<SampleState> StatesWithoutSamples(const OpUse& use, bool sized) {
  const std::string_view op = use.node.op;
  std::vector<SmallIntegers> inputs;
  for (const SampleState& input : use.inputs) inputs.push_back(input.integers);
  std::vector<SampleState> states;
  for (SmallIntegers& integers : FoldIntegers(use.node, inputs)) {
    if (!integers && sized) break;
    states.push_back(integers ? SampleState::Of(std::move(integers)) : SampleState::None());
  }
  if (!states.empty()) return states;
  if (!sized) return {SampleState::None()};
  if (op == "Fill" || HasTrait(op, trait::kRandom)) return {WithSizes(use.inputs[0])};
  // A broadcast or repeated constant, for example a token in front of every sample.
  if (op == "BroadcastTo" && use.output.rank() >= 0 && use.inputs[0].IsNone())
    return {WithSizes(use.inputs[1])};
  if (op == "Tile" && use.inputs[0].IsNone()) return {WithSizes(use.inputs[1])};
  SampleState number;
  number.kind = use.output.rank() == 0 ? Kind::kSized : Kind::kUnknown;
  return {number};
}

// Ops that make dense tensors of rows of different lengths, for example of the words of texts. If the sizes
// of the result are not fixed, the longest row of the batch determines them. Returns none for any other op.
std::vector<SampleState> StatesOfRagged(const OpUse& use) {
  const std::string_view op = use.node.op;
  if (op == "RaggedBincount") return {SampleState::Axis(0)};
  if (op == "SparseToDense" && use.inputs.size() > 1) {
    const bool sizes_of_samples = use.inputs[1].kind == Kind::kUnknown && !use.inputs[1].integers;
    return {sizes_of_samples ? SampleState::Mixed() : SampleState::Unknown()};
  }
  if (op != "RaggedTensorToTensor") return {};
  const SmallIntegers& sizes = use.inputs[0].integers;
  const bool fixed = sizes && use.facts[0].rank() == 1 && !sizes->empty() &&
                     std::all_of(sizes->begin() + 1, sizes->end(), [](const SmallInteger& size) {
                       return size.kind == SmallInteger::Kind::kKnown && size.value >= 0;
                     });
  return {fixed ? SampleState::Axis(0) : SampleState::Mixed()};
}

}  // namespace

SampleState SampleState::Of(SmallIntegers integers) {
  SampleState state = Unknown();
  if (!integers) return state;
  const bool sized = std::any_of(integers->begin(), integers->end(),
                                 [](const SmallInteger& element) { return element.OfBatch(); });
  state.kind = sized ? Kind::kSized : Kind::kNone;
  state.integers = std::move(integers);
  return state;
}

int KnownAxis(const OpUse& use, size_t i, int rank) {
  const SmallIntegers& axis = use.inputs[i].integers;
  if (rank < 1 || !axis || axis->size() != 1 || (*axis)[0].kind != SmallInteger::Kind::kKnown) return -1;
  const int64_t value = (*axis)[0].value;
  if (value < -rank || value >= rank) return -1;
  return static_cast<int>(value < 0 ? value + rank : value);
}

SampleState Broadcast(const OpUse& use) {
  int rank = -1;
  for (const TensorFacts& facts : use.facts) {
    if (facts.rank() < 0) return SampleState::Unknown();
    rank = std::max(rank, facts.rank());
  }
  std::optional<SampleState> found;
  bool sized = false;
  for (size_t i = 0; i < use.inputs.size(); ++i) {
    const SampleState& input = use.inputs[i];
    if (input.IsNone()) continue;
    if (input.kind == Kind::kSized && use.facts[i].rank() == 0) {
      sized = true;
      continue;
    }
    if (!input.HasAxis()) return SampleState::Unknown();
    // The condition of a Select may have one element per row.
    const bool rows = use.node.op == "Select" && i == 0 && use.facts[0].rank() == 1;
    const int axis = rows ? 0 : input.axis + rank - use.facts[i].rank();
    if (!found) {
      found = SampleState::Axis(axis, input.ordered);
    } else if (found->axis != axis) {
      return SampleState::Mixed();
    } else if (found->ordered != input.ordered) {
      return SampleState::Unknown();
    }
  }
  // A value that is computed with the number of samples depends on the batch. An integer is an index.
  if (sized) return use.output.is_floating ? SampleState::Mixed() : SampleState::Unknown();
  return found.value_or(SampleState::None());
}

std::vector<SampleState> StatesOfOutputs(const OpUse& use) {
  const std::string_view op = use.node.op;
  if (std::vector<SampleState> states = StatesOfShapes(use); !states.empty()) return states;
  if (TakesMixed(use)) return {SampleState::Mixed()};
  bool samples = false;
  bool sized = false;
  for (const SampleState& input : use.inputs) {
    sized = sized || !input.IsNone();
    samples = samples || (!input.IsNone() && input.kind != Kind::kSized);
  }
  if (!samples) return StatesWithoutSamples(use, sized);
  if (HasTrait(op, trait::kControlFlow)) return {SampleState::Unknown()};
  if (op == "IdentityN") return use.inputs;
  if (HasTrait(op, trait::kUnary)) return {use.inputs[0]};
  if (HasAnyTrait(op, {trait::kBinary, trait::kSelects, trait::kBiasAdd}) || op == "AddN" ||
      op == "AccumulateNV2" || op == "ClipByValue" || op.ends_with("Grad")) {
    // The gradients of pooling and resizing have inputs of several sizes.
    const bool elementwise = !op.ends_with("Grad") || use.inputs.size() == 2;
    if (elementwise) return {Broadcast(use)};
  }
  if (std::vector<SampleState> states = StatesOfRagged(use); !states.empty()) return states;
  const bool axis = std::any_of(use.inputs.begin(), use.inputs.end(),
                                [](const SampleState& input) { return input.HasAxis(); });
  if (!axis) return {SampleState::Unknown()};
  if (std::vector<SampleState> states = StatesOfMoves(use); !states.empty()) return states;
  if (std::vector<SampleState> states = StatesOfProducts(use); !states.empty()) return states;
  // Pooling, resizing and similar ops over (N, ...) with settings in the other inputs.
  const bool alone = std::all_of(use.inputs.begin() + 1, use.inputs.end(),
                                 [](const SampleState& input) { return input.IsNone(); });
  const bool first = use.inputs[0].HasAxis() && use.inputs[0].axis == 0;
  if (HasTrait(op, trait::kKeepsFirstAxis) && first && alone) return {use.inputs[0]};
  return {SampleState::Unknown()};
}

}  // namespace ke::graph
