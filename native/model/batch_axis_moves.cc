// Ops that move, select or repeat positions.
#include <algorithm>
#include <string_view>

#include "ir/op_traits.h"
#include "model/batch_axis_rules.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

using IntKind = SmallInteger::Kind;

SampleState At(const SampleState& x, int axis) { return SampleState::Axis(axis, x.ordered); }

int64_t Attr(const FlatNode& node, std::string_view name, int64_t fallback = 0) {
  return proto::AttrInt(node.Attr(name)).value_or(fallback);
}

// Returns the sizes that a Reshape asks for, or the static sizes of its result.
std::vector<SmallInteger> ReshapeSizes(const OpUse& use) {
  const SmallIntegers& asked = use.inputs[1].integers;
  const Shape& shape = use.output.shape;
  if (!shape.known_rank) return {};
  std::vector<SmallInteger> sizes;
  const auto open = std::count(shape.dims.begin(), shape.dims.end(), -1);
  for (size_t i = 0; i < shape.dims.size(); ++i) {
    if (asked && i < asked->size() && (*asked)[i].kind != IntKind::kFree) {
      sizes.push_back((*asked)[i]);
    } else if (shape.dims[i] >= 0) {
      sizes.push_back(SmallInteger::Known(shape.dims[i]));
    } else {
      // The only open size contains the number of samples.
      sizes.push_back({open == 1 && !asked ? IntKind::kSized : IntKind::kFree, 0});
    }
  }
  return sizes;
}

// The samples stay outermost behind the same number of positions.
SampleState Reshaped(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  if (!x.HasAxis() || !x.ordered || use.facts[0].rank() < 0) return SampleState::Unknown();
  SmallInteger before = SmallInteger::Known(1);
  for (int axis = 0; axis < x.axis; ++axis) {
    const int64_t size = use.facts[0].shape.dims[axis];
    if (size < 0) return SampleState::Unknown();
    before = Multiply(before, SmallInteger::Known(size));
  }
  SmallInteger passed = SmallInteger::Known(1);
  const std::vector<SmallInteger> sizes = ReshapeSizes(use);
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    const bool here = passed == before && !sizes[axis].Is(1);
    if (here)
      return sizes[axis].kind == IntKind::kFree ? SampleState::Unknown() : At(x, static_cast<int>(axis));
    if (sizes[axis].kind != IntKind::kKnown || sizes[axis].value < 0) return SampleState::Unknown();
    passed = Multiply(passed, sizes[axis]);
  }
  return SampleState::Unknown();
}

SampleState Transposed(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  const SmallIntegers& order = use.inputs[1].integers;
  if (!x.HasAxis() || !order) return SampleState::Unknown();
  const auto rank = static_cast<int64_t>(order->size());
  for (int64_t i = 0; i < rank; ++i) {
    if ((*order)[i].Is(x.axis) || (*order)[i].Is(x.axis - rank)) return At(x, static_cast<int>(i));
  }
  return SampleState::Unknown();
}

SampleState Expanded(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  const int axis = KnownAxis(use, 1, use.facts[0].rank() + 1);
  if (axis < 0) return SampleState::Unknown();
  return At(x, axis <= x.axis ? x.axis + 1 : x.axis);
}

SampleState Squeezed(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  const Shape& from = use.facts[0].shape;
  const Shape& to = use.output.shape;
  if (!from.known_rank || !to.known_rank || from.dims[x.axis] == 1) return SampleState::Unknown();
  if (x.axis == 0) return x;
  const auto several = [](int64_t size) { return size != 1; };
  const auto kept = std::count_if(from.dims.begin(), from.dims.end(), several);
  if (kept != to.rank()) return SampleState::Unknown();
  return At(x, static_cast<int>(std::count_if(from.dims.begin(), from.dims.begin() + x.axis, several)));
}

// Tensors that are joined along a new axis or an existing axis.
SampleState Joined(const OpUse& use, size_t begin, size_t end, int axis, bool is_new) {
  if (axis < 0) return SampleState::Unknown();
  const SampleState* found = nullptr;
  bool all = true;
  for (size_t i = begin; i < end; ++i) {
    const SampleState& input = use.inputs[i];
    all = all && input.HasAxis();
    if (input.IsNone()) continue;
    if (!input.HasAxis()) return SampleState::Unknown();
    if (found != nullptr && (found->axis != input.axis || found->ordered != input.ordered)) {
      return SampleState::Unknown();
    }
    found = &input;
  }
  if (found == nullptr) return SampleState::Unknown();
  if (is_new) return At(*found, axis <= found->axis ? found->axis + 1 : found->axis);
  if (axis != found->axis) return *found;
  return all ? SampleState::Axis(axis, false) : SampleState::Unknown();
}

SampleState Unpacked(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  const int rank = use.facts[0].rank();
  if (rank < 0) return SampleState::Unknown();
  const int64_t given = Attr(use.node, "axis");
  const int64_t axis = given < 0 ? given + rank : given;
  if (axis == x.axis) return x.ordered ? SampleState::Mixed() : SampleState::Unknown();
  return At(x, axis < x.axis ? x.axis - 1 : x.axis);
}

SampleState Split(const SampleState& x, int axis) {
  if (!x.HasAxis() || axis < 0) return SampleState::Unknown();
  if (axis != x.axis) return x;
  return x.ordered ? SampleState::Mixed() : x;
}

// Returns the state of a part of the samples, or of all samples in another order.
SampleState Part(const SampleState& x) { return x.ordered ? SampleState::Mixed() : SampleState::Unknown(); }

SampleState Sliced(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  const SmallIntegers& begin = use.inputs[1].integers;
  const SmallIntegers& size = use.inputs[2].integers;
  if (!begin || !size || begin->size() != size->size() || begin->size() <= static_cast<size_t>(x.axis)) {
    return SampleState::Unknown();
  }
  const SmallInteger& from = (*begin)[x.axis];
  const SmallInteger& count = (*size)[x.axis];
  if (from.Is(0) && (count.Is(-1) || count.kind == IntKind::kBatch)) return x;
  const bool known = from.kind == IntKind::kKnown && count.kind == IntKind::kKnown;
  return known ? Part(x) : SampleState::Unknown();
}

SampleState StridedSliced(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  const int rank = use.facts[0].rank();
  const int64_t given = use.facts[1].shape.rank() == 1 ? use.facts[1].shape.dims[0] : -1;
  if (rank < 0 || given < 0 || given > 63) return SampleState::Unknown();
  const auto bit = [&](std::string_view mask, int64_t i) { return (Attr(use.node, mask) >> i & 1) != 0; };
  int64_t indexed = 0;  // entries that consume an axis of x
  for (int64_t i = 0; i < given; ++i) indexed += bit("ellipsis_mask", i) || bit("new_axis_mask", i) ? 0 : 1;
  int64_t axis = 0;
  int out = 0;
  for (int64_t i = 0; i < given; ++i) {
    if (bit("ellipsis_mask", i)) {
      const int64_t skipped = std::max<int64_t>(0, rank - indexed);
      if (x.axis < axis + skipped) return At(x, out + x.axis - static_cast<int>(axis));
      axis += skipped;
      out += static_cast<int>(skipped);
      continue;
    }
    if (bit("new_axis_mask", i)) {
      ++out;
      continue;
    }
    if (axis++ != x.axis) {
      out += bit("shrink_axis_mask", i) ? 0 : 1;
      continue;
    }
    const auto element = [&](size_t input) {
      const SmallIntegers& list = use.inputs[input].integers;
      return list && list->size() == static_cast<size_t>(given) ? (*list)[i] : SmallInteger();
    };
    const SmallInteger stride = element(3);
    if (bit("shrink_axis_mask", i)) return Part(x);
    const bool from_begin = bit("begin_mask", i) || element(1).Is(0);
    const bool to_end = bit("end_mask", i) || element(2).kind == IntKind::kBatch;
    if (from_begin && to_end && stride.Is(1)) return At(x, out);
    const auto known = [](bool open, const SmallInteger& bound) {
      return open || bound.kind == IntKind::kKnown;
    };
    const bool told = known(from_begin, element(1)) && known(to_end, element(2));
    return told && stride.kind == IntKind::kKnown ? Part(x) : SampleState::Unknown();
  }
  // Axes behind the last entry are taken whole.
  return At(x, out + x.axis - static_cast<int>(axis));
}

SampleState Padded(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  const SmallIntegers& paddings = use.inputs[1].integers;
  const size_t first = 2 * static_cast<size_t>(x.axis);
  if (!paddings || paddings->size() < first + 2) return SampleState::Unknown();
  return (*paddings)[first].Is(0) && (*paddings)[first + 1].Is(0) ? x : SampleState::Unknown();
}

SampleState Tiled(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  const SmallIntegers& multiples = use.inputs[1].integers;
  if (!x.HasAxis() || !multiples || multiples->size() <= static_cast<size_t>(x.axis)) {
    return SampleState::Unknown();
  }
  const bool sized = std::any_of(multiples->begin(), multiples->end(),
                                 [](const SmallInteger& each) { return each.OfBatch(); });
  if (sized) return SampleState::Unknown();
  const SmallInteger& own = (*multiples)[x.axis];
  if (own.Is(1)) return x;
  return own.kind == IntKind::kKnown ? SampleState::Axis(x.axis, false) : SampleState::Unknown();
}

// Returns x along the axes of a Reverse or Roll: mixed if one of the axes is the axis of samples.
SampleState Moved(const OpUse& use, size_t axes) {
  const SampleState& x = use.inputs[0];
  const SmallIntegers& list = use.inputs[axes].integers;
  const int rank = use.facts[0].rank();
  if (!x.HasAxis() || !list || rank < 0) return SampleState::Unknown();
  for (const SmallInteger& axis : *list) {
    if (axis.kind != IntKind::kKnown) return SampleState::Unknown();
    if (axis.Is(x.axis) || axis.Is(x.axis - rank)) return Part(x);
  }
  return x;
}

// Takes rows of `inputs[0]` along `axis` at `inputs[1]`.
SampleState Gathered(const OpUse& use, int axis) {
  const SampleState& x = use.inputs[0];
  const SampleState& indices = use.inputs[1];
  const int rank = use.facts[1].rank();
  const int64_t given = Attr(use.node, "batch_dims");
  const int64_t batch = given < 0 ? given + rank : given;
  if (axis < 0 || rank < 0 || batch < 0 || batch > rank) return SampleState::Unknown();
  if (x.IsNone() && indices.HasAxis()) {
    const bool shared = indices.axis < batch;
    return At(indices, shared ? indices.axis : axis + indices.axis - static_cast<int>(batch));
  }
  if (!x.HasAxis()) return SampleState::Unknown();
  const bool together = indices.HasAxis() && indices.axis == x.axis;
  if (x.axis < batch) return together || indices.IsNone() ? x : SampleState::Unknown();
  if (!indices.IsNone()) return SampleState::Unknown();
  if (x.axis == axis) return Part(x);
  return At(x, x.axis < axis ? x.axis : x.axis - 1 + rank - static_cast<int>(batch));
}

SampleState GatheredByPoints(const OpUse& use) {
  const SampleState& indices = use.inputs[1];
  const bool rows = use.inputs[0].IsNone() && indices.HasAxis() && indices.axis + 1 < use.facts[1].rank();
  return rows ? indices : SampleState::Unknown();
}

SampleState OneHot(const OpUse& use) {
  const SampleState& x = use.inputs[0];
  if (!x.HasAxis()) return SampleState::Unknown();
  const int64_t axis = Attr(use.node, "axis", -1);
  return axis < 0 || axis > x.axis ? x : At(x, x.axis + 1);
}

// Blocks of positions that are moved to the first axis and back.
SampleState Blocks(const OpUse& use, bool to_batch) {
  const SampleState& x = use.inputs[0];
  if (!x.HasAxis() || x.axis != 0 || x.ordered != to_batch) return SampleState::Unknown();
  return SampleState::Axis(0, !to_batch);
}

// Ops over the last `inner` axes of each matrix.
SampleState Matrices(const OpUse& use, int inner) {
  const SampleState& x = use.inputs[0];
  const bool outside = x.HasAxis() && x.axis < use.facts[0].rank() - inner;
  return outside ? x : SampleState::Unknown();
}

}  // namespace

std::vector<SampleState> StatesOfMoves(const OpUse& use) {
  const std::string_view op = use.node.op;
  const SampleState& x = use.inputs[0];
  const int rank = use.facts[0].rank();
  if (op == "Reshape") return {Reshaped(use)};
  if (op == "Transpose") return {Transposed(use)};
  if (op == "Pack") {
    const int64_t axis = Attr(use.node, "axis");
    const int own = use.facts[0].rank() + 1;
    return {Joined(use, 0, use.inputs.size(), static_cast<int>(axis < 0 ? axis + own : axis), true)};
  }
  if (op == "ConcatV2") {
    const size_t last = use.inputs.size() - 1;
    return {Joined(use, 0, last, KnownAxis(use, last, use.output.rank()), false)};
  }
  if (op == "Concat") return {Joined(use, 1, use.inputs.size(), KnownAxis(use, 0, use.output.rank()), false)};
  if (op == "Split" && use.inputs.size() == 2) {
    return {Split(use.inputs[1], KnownAxis(use, 0, use.facts[1].rank()))};
  }
  if (op == "SplitV") return {Split(x, KnownAxis(use, 2, rank))};
  if (op == "Tile") return {Tiled(use)};
  if (op == "GatherV2") return {Gathered(use, KnownAxis(use, 2, std::max(1, rank)))};
  if (op == "Gather") return {Gathered(use, 0)};
  if (op == "GatherNd") return {GatheredByPoints(use)};
  if (op == "OneHot") return {OneHot(use)};
  if (op == "ReverseV2") return {Moved(use, 1)};
  if (op == "Roll") return {Moved(use, 2)};
  if (!x.HasAxis()) return {};
  if (op == "ExpandDims") return {Expanded(use)};
  if (op == "Squeeze") return {Squeezed(use)};
  if (op == "Unpack") return {Unpacked(use)};
  if (op == "Slice") return {Sliced(use)};
  if (op == "StridedSlice") return {StridedSliced(use)};
  if (op == "Pad" || op == "PadV2" || op == "MirrorPad") return {Padded(use)};
  if (op == "RandomShuffle" && x.axis == 0) return {Part(x)};
  if (op == "SpaceToBatchND" || op == "SpaceToBatch") return {Blocks(use, true)};
  if (op == "BatchToSpaceND" || op == "BatchToSpace") return {Blocks(use, false)};
  if (op == "ReverseSequence") {
    const bool along = Attr(use.node, "seq_dim") == x.axis;
    return {along ? Part(x) : x};
  }
  if (op == "ExtractImagePatches" || op == "ExtractVolumePatches") {
    return {x.axis == 0 ? x : SampleState::Unknown()};
  }
  if (op.starts_with("MatrixDiagPart") || op.starts_with("MatrixSetDiag") || op == "MatrixBandPart") {
    return {Matrices(use, 2)};
  }
  if (op.starts_with("MatrixDiag")) return {Matrices(use, 1)};
  if (op == "BroadcastTo" && rank >= 0 && use.output.rank() >= rank) {
    const SmallIntegers& sizes = use.inputs[1].integers;
    const int axis = x.axis + use.output.rank() - rank;
    if (!sizes || static_cast<int>(sizes->size()) != use.output.rank()) return {SampleState::Unknown()};
    for (int i = 0; i < use.output.rank(); ++i) {
      if (i != axis && (*sizes)[i].OfBatch()) return {SampleState::Unknown()};
    }
    return {At(x, axis)};
  }
  return {};
}

}  // namespace ke::graph
