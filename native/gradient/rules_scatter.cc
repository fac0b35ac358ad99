// Ops that write elements at indices, and that distribute and join rows by indices.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Inputs (tensor, indices, updates).
void ScatterUpdate(RuleContext& c) {
  const Ops& t = c.ops();
  if (c.Needs(0)) {
    const TF_Output zeros = c.forward_ops().ZerosLike(c.Input(2));
    c.Set(0, t.Op("TensorScatterUpdate").In(c.Dy()).In(c.X(1)).In(zeros).Out());
  }
  if (c.Needs(2)) c.Set(2, t.Binary("GatherNd", c.Dy(), c.X(1)));
}

void ScatterSum(RuleContext& c) {
  const Ops& t = c.ops();
  c.Set(0, c.Dy());
  if (!c.Needs(2)) return;
  const TF_Output updates = t.Binary("GatherNd", c.Dy(), c.X(1));
  c.Set(2, c.type() == "TensorScatterSub" ? t.Neg(updates) : updates);
}

// Equal elements at the extremum share the gradient equally.
void ScatterExtremum(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_DataType dtype = c.InputType(0);
  const TF_Output indices = c.Input(1);
  const TF_Output held = f.Cast(f.Binary("Equal", c.Input(0), c.Output(0)), dtype);
  const TF_Output at = f.Binary("GatherNd", c.Output(0), indices);
  const TF_Output updated = f.Cast(f.Binary("Equal", c.Input(2), at), dtype);
  const TF_Output shape = f.ShapeOf(c.Input(0), c.InputType(1));
  const TF_Output count = f.Add(held, f.Op("ScatterNd").In(indices).In(updated).In(shape).Out());
  const TF_Output shared = t.Div(c.Dy(), count);
  if (c.Needs(0)) c.Set(0, t.Mul(shared, held));
  if (c.Needs(2)) c.Set(2, t.Mul(t.Binary("GatherNd", shared, indices), updated));
}

// Inputs (tensor, begin, end, strides, value). The value is broadcast to the slice.
void SliceUpdate(RuleContext& c) {
  const Ops& t = c.ops();
  const auto sliced = [&](graph::OpBuilder op) {
    for (const char* mask :
         {"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"}) {
      op.AttrInt(mask, c.AttrInt(mask));
    }
    return op;
  };
  const auto with_bounds = [&](const char* type) {
    return t.Op(type).In(c.Dy()).In(c.X(1)).In(c.X(2)).In(c.X(3));
  };
  if (c.Needs(0)) {
    const TF_Output zeros = c.forward_ops().ZerosLike(c.Input(4));
    c.Set(0, sliced(with_bounds("TensorStridedSliceUpdate").In(zeros)).Out());
  }
  if (c.Needs(4)) {
    const TF_Output slice = sliced(with_bounds("StridedSlice")).Out();
    const TF_Output axes = t.Binary("BroadcastGradientArgs", c.ShapeOfX(4), t.ShapeOf(slice));
    c.Set(4, c.ReshapeLikeX(t.Binary("Sum", slice, axes), 4));
  }
}

// Inputs (indices..., values...).
void DynamicStitch(RuleContext& c) {
  const int count = c.num_inputs() / 2;
  for (int i = 0; i < count; ++i) {
    if (c.Needs(count + i)) c.Set(count + i, c.ops().Gather(c.Dy(), c.Input(i)));
  }
}

// The numbers of the rows are distributed in the same way, and say where each row of dy belongs.
void DynamicPartition(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output shape = f.ShapeOf(c.Input(1));
  const TF_Output numbers = f.Reshape(f.Range(f.Product(shape)), shape);
  const std::vector<TF_Output> parts =
      f.Op("DynamicPartition").In(numbers).In(c.Input(1)).AttrInt("num_partitions", c.num_outputs()).Outs();
  std::vector<TF_Output> dys;
  for (int i = 0; i < c.num_outputs(); ++i) dys.push_back(c.Dy(i));
  c.Set(0, c.ReshapeLikeX(t.Op("DynamicStitch").InList(parts).InList(dys).Out(), 0));
}

}  // namespace

void AddScatterRules(Registry* registry) {
  registry->Add("TensorScatterUpdate", ScatterUpdate);
  registry->AddAll({"TensorScatterAdd", "TensorScatterSub", "ScatterNdNonAliasingAdd"}, ScatterSum);
  registry->AddAll({"TensorScatterMax", "TensorScatterMin"}, ScatterExtremum);
  registry->Add("TensorStridedSliceUpdate", SliceUpdate);
  registry->AddAll({"DynamicStitch", "ParallelDynamicStitch"}, DynamicStitch);
  registry->Add("DynamicPartition", DynamicPartition);
  registry->ForComplex({"TensorScatterUpdate", "TensorScatterAdd", "TensorScatterSub",
                        "ScatterNdNonAliasingAdd", "TensorStridedSliceUpdate", "DynamicStitch",
                        "ParallelDynamicStitch", "DynamicPartition"});
}

}  // namespace ke::gradient
