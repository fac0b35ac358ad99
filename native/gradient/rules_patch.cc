// Sliding windows that are no convolutions: patches of images and volumes, and morphological dilation.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Every element of a patch is an element of the input or a 0 of the padding. The same op on the numbers
// 1, 2, ... of the input's positions tells which one, and gives 0 for the padding. The gradient adds dy at
// these positions.
//   x (batch, space..., channels), dy (batch, windows..., window size * channels)
void ExtractPatches(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const bool volume = c.type() == "ExtractVolumePatches";
  const TF_Output x_dims = f.ShapeOf(c.Input(0));
  const TF_Output batch = f.SliceVector(x_dims, 0, 1);
  const TF_Output channels = f.SliceVector(x_dims, -1, 0);
  const TF_Output inside = f.SliceVector(x_dims, 1, -1);
  const TF_Output count = f.Product(inside);
  // Numbers up to 2^53 are exact.
  const TF_Output numbers = f.Cast(f.Add(f.Range(count), f.Int(1)), TF_DOUBLE);
  graph::OpBuilder op = f.Op(c.type());
  op.In(f.Reshape(numbers, f.Concat({f.Ints({1}), inside, f.Ints({1})}, 0)))
      .AttrInts("ksizes", c.AttrInts("ksizes"))
      .AttrInts("strides", c.AttrInts("strides"))
      .AttrString("padding", c.AttrString("padding"));
  if (!volume) op.AttrInts("rates", c.AttrInts("rates"));
  const TF_Output positions = f.Sub(f.Cast(f.Reshape(op.Out(), f.Ints({-1})), TF_INT32), f.Int(1));

  // dy -> (batch, windows * window size, channels) -> (windows * window size, batch, channels). The sum drops
  // the rows of position -1, the padding.
  const TF_Output all = f.ShapeOf(positions);
  const TF_Output flat = t.Reshape(c.Dy(), f.Concat({batch, all, channels}, 0));
  const TF_Output sums =
      t.Op("UnsortedSegmentSum").In(t.Transpose(flat, {1, 0, 2})).In(positions).In(count).Out();
  c.Set(0, c.ReshapeLikeX(t.Transpose(sums, {1, 0, 2}), 0));
}

void Dilation2D(RuleContext& c) {
  const auto backprop = [&](const char* type) {
    return c.ops()
        .Op(type)
        .In(c.X(0))
        .In(c.X(1))
        .In(c.Dy())
        .AttrInts("strides", c.AttrInts("strides"))
        .AttrInts("rates", c.AttrInts("rates"))
        .AttrString("padding", c.AttrString("padding"))
        .Out();
  };
  if (c.Needs(0)) c.Set(0, backprop("Dilation2DBackpropInput"));
  if (c.Needs(1)) c.Set(1, backprop("Dilation2DBackpropFilter"));
}

}  // namespace

void AddPatchRules(Registry* registry) {
  registry->AddAll({"ExtractImagePatches", "ExtractVolumePatches"}, ExtractPatches);
  registry->Add("Dilation2D", Dilation2D);
}

}  // namespace ke::gradient
