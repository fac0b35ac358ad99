// Ops that move elements without changing the values: reshapes, concatenations, slices, pads, tiles and
// permutations.
#include <numeric>

#include "gradient/registry.h"

namespace ke::gradient {

namespace {

void ReshapeBack(RuleContext& c) { c.Set(0, c.ReshapeLikeX(c.Dy(), 0)); }

void Transpose(RuleContext& c) {
  const Ops& t = c.ops();
  if (const auto order = c.ConstAxes(1, c.InputShape(0).rank())) {
    std::vector<int32_t> inverse(order->size());
    for (size_t i = 0; i < order->size(); ++i) inverse[(*order)[i]] = static_cast<int32_t>(i);
    c.Set(0, t.Transpose(c.Dy(), inverse));
    return;
  }
  const Ops& f = c.forward_ops();
  c.Set(0, t.Binary("Transpose", c.Dy(), f.Unary("InvertPermutation", c.Input(1))));
}

void Pack(RuleContext& c) {
  const std::vector<TF_Output> parts = c.ops()
                                           .Op("Unpack")
                                           .In(c.Dy())
                                           .AttrInt("num", c.num_inputs())
                                           .AttrInt("axis", c.AttrInt("axis"))
                                           .Outs();
  for (int i = 0; i < c.num_inputs(); ++i) c.Set(i, parts[i]);
}

std::vector<TF_Output> AllDy(RuleContext& c) {
  std::vector<TF_Output> all;
  for (int i = 0; i < c.num_outputs(); ++i) all.push_back(c.Dy(i));
  return all;
}

void Unpack(RuleContext& c) { c.Set(0, c.ops().Stack(AllDy(c), static_cast<int>(c.AttrInt("axis")))); }

// Split(axis, value) and SplitV(value, sizes, axis).
void Split(RuleContext& c) {
  const bool with_sizes = c.type() == "SplitV";
  c.Set(with_sizes ? 0 : 1, c.ops().Op("ConcatV2").InList(AllDy(c)).In(c.X(with_sizes ? 2 : 0)).Out());
}

// Returns the offset of each operand along the axis, or nullopt if the offsets are not static.
std::optional<std::vector<int32_t>> ConcatOffsets(const RuleContext& c, int axis, int first, int count) {
  std::vector<int32_t> offsets;
  int64_t offset = 0;
  for (int i = 0; i < count; ++i) {
    const graph::Shape shape = c.InputShape(first + i);
    const int64_t dim = shape.known_rank ? shape.dims[axis] : -1;
    if (dim < 0) return std::nullopt;
    offsets.push_back(static_cast<int32_t>(offset));
    offset += dim;
  }
  return offsets;
}

// ConcatV2(values..., axis) and Concat(axis, values...).
void Concat(RuleContext& c) {
  const Ops& t = c.ops();
  const int count = c.num_inputs() - 1;
  const int rank = c.OutputShape(0).rank();
  const int first = c.type() == "Concat" ? 1 : 0;
  const int axis_input = first == 0 ? count : 0;
  const auto axes = c.ConstAxes(axis_input, rank);
  if (axes) {
    const int axis = (*axes)[0];
    if (const auto offsets = ConcatOffsets(c, axis, first, count)) {
      for (int i = 0; i < count; ++i) {
        if (!c.Needs(first + i)) continue;
        std::vector<int32_t> begin(rank, 0);
        std::vector<int32_t> size(rank, -1);
        begin[axis] = (*offsets)[i];
        size[axis] = static_cast<int32_t>(c.InputShape(first + i).dims[axis]);
        c.Set(first + i, t.Slice(c.Dy(), t.Ints(begin), t.Ints(size)));
      }
      return;
    }
  }
  const Ops& f = c.forward_ops();
  std::vector<TF_Output> shapes;
  for (int i = 0; i < count; ++i) shapes.push_back(f.ShapeOf(c.Input(first + i)));
  // ConcatOffset accepts no negative axis.
  const TF_Output ndims = f.Op("Size").In(shapes[0]).Out();
  const TF_Output axis = f.Binary("FloorMod", f.Add(f.Cast(c.Input(axis_input), TF_INT32), ndims), ndims);
  const std::vector<TF_Output> begins = f.Op("ConcatOffset").In(axis).InList(shapes).Outs();
  for (int i = 0; i < count; ++i) {
    if (c.Needs(first + i)) c.Set(first + i, t.Slice(c.Dy(), begins[i], shapes[i]));
  }
}

// Pad and PadV2: the gradient is the part of dy over the input. The rest belongs to the padding's value.
void Pad(RuleContext& c) {
  const Ops& t = c.ops();
  const int rank = c.InputShape(0).rank();
  const auto paddings = c.ConstInts(1);
  TF_Output begin;
  if (paddings && rank >= 0) {
    std::vector<int32_t> before;
    for (int axis = 0; axis < rank; ++axis) before.push_back(static_cast<int32_t>((*paddings)[2 * axis]));
    begin = t.Ints(before);
  } else {
    const Ops& f = c.forward_ops();
    begin = f.Cast(f.Op("Unpack").In(c.Input(1)).AttrInt("num", 2).AttrInt("axis", 1).Outs()[0], TF_INT32);
  }
  const TF_Output inside = t.Slice(c.Dy(), begin, c.ShapeOfX(0));
  if (c.Needs(0)) c.Set(0, inside);
  if (c.num_inputs() > 2 && c.Needs(2)) {
    const auto total = [&](TF_Output x) { return t.Binary("Sum", t.Reshape(x, t.Ints({-1})), t.Int(0)); };
    c.Set(2, t.Sub(total(c.Dy()), total(inside)));
  }
}

void MirrorPad(RuleContext& c) {
  c.Set(0, c.ops().Op("MirrorPadGrad").In(c.Dy()).In(c.X(1)).AttrString("mode", c.AttrString("mode")).Out());
}

// The gradient is dy, with zeros for the elements that the slice did not take.
void Slice(RuleContext& c) {
  const Ops& t = c.ops();
  const graph::Shape x = c.InputShape(0);
  const graph::Shape y = c.OutputShape(0);
  const auto begin = c.ConstInts(1);
  if (begin && x.IsFullyKnown() && y.IsFullyKnown()) {
    std::vector<int32_t> paddings;
    for (int axis = 0; axis < x.rank(); ++axis) {
      paddings.push_back(static_cast<int32_t>((*begin)[axis]));
      paddings.push_back(static_cast<int32_t>(x.dims[axis] - (*begin)[axis] - y.dims[axis]));
    }
    c.Set(0, t.Binary("Pad", c.Dy(), t.Reshape(t.Ints(paddings), t.Ints({-1, 2}))));
    return;
  }
  const Ops& f = c.forward_ops();
  const TF_Output before = f.Cast(c.Input(1), TF_INT32);
  const TF_Output after = f.Sub(f.Sub(f.ShapeOf(c.Input(0)), before), f.ShapeOf(c.Output(0)));
  c.Set(0, t.Binary("Pad", c.Dy(), f.Stack({before, after}, 1)));
}

constexpr const char* kStridedSliceMasks[] = {"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask",
                                              "shrink_axis_mask"};

void StridedSlice(RuleContext& c) {
  graph::OpBuilder op = c.ops().Op("StridedSliceGrad");
  op.In(c.ShapeOfX(0, c.InputType(1))).In(c.X(1)).In(c.X(2)).In(c.X(3)).In(c.Dy());
  for (const char* mask : kStridedSliceMasks) op.AttrInt(mask, c.AttrInt(mask));
  c.Set(0, op.Out());
}

void StridedSliceGrad(RuleContext& c) {
  graph::OpBuilder op = c.ops().Op("StridedSlice");
  op.In(c.Dy()).In(c.X(1)).In(c.X(2)).In(c.X(3));
  for (const char* mask : kStridedSliceMasks) op.AttrInt(mask, c.AttrInt(mask));
  c.Set(4, op.Out());
}

// dy of shape (m0 d0, m1 d1, ...) is reshaped to (m0, d0, m1, d1, ...) and summed over the m.
void Tile(RuleContext& c) {
  const Ops& t = c.ops();
  const graph::Shape shape = c.InputShape(0);
  if (!shape.known_rank) c.Refuse("of an input of unknown rank");
  const Ops& f = c.forward_ops();
  const TF_Output pairs = f.Stack({f.Cast(c.Input(1), TF_INT32), f.ShapeOf(c.Input(0))}, 1);
  std::vector<int> multiples(shape.rank());
  for (int axis = 0; axis < shape.rank(); ++axis) multiples[axis] = 2 * axis;
  c.Set(0, t.Sum(t.Reshape(c.Dy(), f.Reshape(pairs, f.Ints({-1}))), multiples, false));
}

// One operand that was broadcast to a given shape.
void BroadcastTo(RuleContext& c) {
  const Ops& f = c.forward_ops();
  const TF_Output axes = f.Binary("BroadcastGradientArgs", f.ShapeOf(c.Input(0)), f.ShapeOf(c.Output(0)));
  c.Set(0, c.ReshapeLikeX(c.ops().Binary("Sum", c.Dy(), axes), 0));
}

void Fill(RuleContext& c) {
  const Ops& t = c.ops();
  if (c.Needs(1)) c.Set(1, t.Binary("Sum", t.Reshape(c.Dy(), t.Ints({-1})), t.Int(0)));
}

void Reverse(RuleContext& c) { c.Set(0, c.ops().Binary(c.type(), c.Dy(), c.X(1))); }

void ReverseSequence(RuleContext& c) {
  c.Set(0, c.ops()
               .Op("ReverseSequence")
               .In(c.Dy())
               .In(c.X(1))
               .AttrInt("seq_dim", c.AttrInt("seq_dim"))
               .AttrInt("batch_dim", c.AttrInt("batch_dim"))
               .Out());
}

void Roll(RuleContext& c) {
  const Ops& t = c.ops();
  c.Set(0, t.Op("Roll").In(c.Dy()).In(t.Neg(c.X(1))).In(c.X(2)).Out());
}

void SpaceToBatchND(RuleContext& c) {
  c.Set(0, c.ops().Op("BatchToSpaceND").In(c.Dy()).In(c.X(1)).In(c.X(2)).Out());
}
void BatchToSpaceND(RuleContext& c) {
  c.Set(0, c.ops().Op("SpaceToBatchND").In(c.Dy()).In(c.X(1)).In(c.X(2)).Out());
}

void SpaceBatch(RuleContext& c) {
  c.Set(0, c.ops()
               .Op(c.type() == "SpaceToBatch" ? "BatchToSpace" : "SpaceToBatch")
               .In(c.Dy())
               .In(c.X(1))
               .AttrInt("block_size", c.AttrInt("block_size"))
               .Out());
}

void DepthSpace(RuleContext& c) {
  c.Set(0, c.ops()
               .Op(c.type() == "SpaceToDepth" ? "DepthToSpace" : "SpaceToDepth")
               .In(c.Dy())
               .AttrInt("block_size", c.AttrInt("block_size"))
               .AttrString("data_format", c.AttrString("data_format"))
               .Out());
}

}  // namespace

void AddShapeRules(Registry* registry) {
  registry->AddAll({"Reshape", "Squeeze", "ExpandDims"}, ReshapeBack);
  registry->Add("Transpose", Transpose);
  registry->Add("Pack", Pack);
  registry->Add("Unpack", Unpack);
  registry->AddAll({"Split", "SplitV"}, Split);
  registry->AddAll({"Concat", "ConcatV2"}, Concat);
  registry->AddAll({"Pad", "PadV2"}, Pad);
  registry->Add("MirrorPad", MirrorPad);
  registry->Add("Slice", Slice);
  registry->Add("StridedSlice", StridedSlice);
  registry->Add("StridedSliceGrad", StridedSliceGrad);
  registry->Add("Tile", Tile);
  registry->Add("BroadcastTo", BroadcastTo);
  registry->Add("Fill", Fill);
  registry->AddAll({"Reverse", "ReverseV2"}, Reverse);
  registry->Add("ReverseSequence", ReverseSequence);
  registry->Add("Roll", Roll);
  registry->AddAll({"SpaceToBatch", "BatchToSpace"}, SpaceBatch);
  registry->Add("SpaceToBatchND", SpaceToBatchND);
  registry->Add("BatchToSpaceND", BatchToSpaceND);
  registry->AddAll({"SpaceToDepth", "DepthToSpace"}, DepthSpace);
  registry->ForComplex(
      {"Reshape",       "Squeeze", "ExpandDims",   "Transpose",        "Pack", "Unpack",
       "Split",         "SplitV",  "Concat",       "ConcatV2",         "Pad",  "PadV2",
       "MirrorPad",     "Slice",   "StridedSlice", "StridedSliceGrad", "Tile", "BroadcastTo",
       "Fill",          "Reverse", "ReverseV2",    "ReverseSequence",  "Roll", "SpaceToBatchND",
       "BatchToSpaceND"});
}

}  // namespace ke::gradient
