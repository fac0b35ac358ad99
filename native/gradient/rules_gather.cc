// Ops that select elements by index. The gradients add dy at the selected indices, several times for a
// repeated index.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Adds dy back at the indices. The batch axes are flattened to one axis of size B, and the indices of batch b
// point into rows b * dim ... of one long axis.
//   params (B, outer, dim, inner), indices (B, picked), dy (B, outer, picked, inner)
// `axis` is an int32 vector of one element, not negative, of the forward graph.
void AddBack(RuleContext& c, TF_Output axis, int batch_dims) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output dims = f.ShapeOf(c.Input(0));
  const auto product = [&](TF_Output begin, TF_Output size) { return f.Product(f.Slice(dims, begin, size)); };
  const TF_Output batch_axes = f.Ints({batch_dims});
  const TF_Output batch = product(f.Ints({0}), batch_axes);
  const TF_Output dim = product(axis, f.Ints({1}));
  const TF_Output outer = product(batch_axes, f.Sub(axis, batch_axes));
  const TF_Output inner = product(f.Add(axis, f.Ints({1})), f.Ints({-1}));
  const TF_Output minus_one = f.Int(-1);

  TF_Output indices = f.Cast(c.Input(1), TF_INT32);
  indices = f.Reshape(indices, batch_dims == 0 ? f.Ints({1, -1}) : f.Stack({batch, minus_one}, 0));
  const TF_Output picked = f.SliceVector(f.ShapeOf(indices), 1, 0);
  const TF_Output starts = f.Mul(f.Op("Range").In(f.Int(0)).In(batch).In(f.Int(1)).Out(), dim);
  const TF_Output rows =
      f.Reshape(f.Add(indices, f.Op("ExpandDims").In(starts).In(f.Int(1)).Out()), f.Ints({-1}));

  // (B, outer, picked, inner) -> (B, picked, outer, inner) -> (B * picked, outer * inner)
  const TF_Output four = f.Concat({f.Stack({batch, outer}, 0), picked, f.Stack({inner}, 0)}, 0);
  const TF_Output by_index = t.Transpose(t.Reshape(c.Dy(), four), {0, 2, 1, 3});
  const TF_Output row_length = f.Mul(outer, inner);
  const TF_Output flat = t.Reshape(by_index, f.Stack({f.Op("Size").In(rows).Out(), row_length}, 0));
  const TF_Output sums = t.Op("UnsortedSegmentSum").In(flat).In(rows).In(f.Mul(batch, dim)).Out();
  // (B * dim, outer * inner) -> (B, dim, outer, inner) -> (B, outer, dim, inner)
  const TF_Output back = t.Transpose(t.Reshape(sums, f.Stack({batch, dim, outer, inner}, 0)), {0, 2, 1, 3});
  c.Set(0, c.ReshapeLikeX(back, 0));
}

// Returns the axis of a GatherV2, which may be computed at run time, counted from the first axis.
TF_Output AxisOf(RuleContext& c) {
  const Ops& f = c.forward_ops();
  if (const auto axes = c.ConstAxes(2, c.InputShape(0).rank())) return f.Ints({(*axes)[0]});
  const TF_Output rank = f.Op("Rank").In(c.Input(0)).Out();
  const TF_Output axis = f.Cast(c.Input(2), TF_INT32);
  return f.Reshape(f.Binary("FloorMod", f.Add(axis, rank), rank), f.Ints({1}));
}

void Gather(RuleContext& c) {
  TF_Output axis = c.forward_ops().Ints({0});
  int64_t batch_dims = 0;
  if (c.type() == "GatherV2") {
    axis = AxisOf(c);
    batch_dims = c.AttrInt("batch_dims");
    if (batch_dims < 0) {
      const int indices_rank = c.InputShape(1).rank();
      if (indices_rank < 0) c.Refuse("with indices of unknown rank");
      batch_dims += indices_rank;
    }
  }
  AddBack(c, axis, static_cast<int>(batch_dims));
}

void GatherNd(RuleContext& c) {
  c.Set(0, c.ops().Op("ScatterNd").In(c.X(1)).In(c.Dy()).In(c.ShapeOfX(0, c.InputType(1))).Out());
}

void ScatterNd(RuleContext& c) { c.Set(1, c.ops().Binary("GatherNd", c.Dy(), c.X(0))); }

}  // namespace

void AddGatherRules(Registry* registry) {
  registry->AddAll({"Gather", "GatherV2"}, Gather);
  registry->Add("GatherNd", GatherNd);
  registry->Add("ScatterNd", ScatterNd);
  registry->ForComplex({"Gather", "GatherV2", "GatherNd", "ScatterNd"});
}

}  // namespace ke::gradient
