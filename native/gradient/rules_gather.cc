// Ops that select elements by index. The gradients add dy at the selected indices, several times for a
// repeated index.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Adds dy back at the indices. The batch axes are flattened to one axis of size B, and the indices of batch b
// point into rows b * dim ... of one long axis.
//   params (B, outer, dim, inner), indices (B, picked), dy (B, outer, picked, inner)
void AddBack(RuleContext& c, int axis, int batch_dims) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const graph::Shape shape = c.InputShape(0);
  const TF_Output dims = f.ShapeOf(c.Input(0));
  const auto product = [&](int begin, int size) {
    return f.Product(f.Slice(dims, f.Ints({begin}), f.Ints({size})));
  };
  const TF_Output batch = product(0, batch_dims);
  const TF_Output dim = product(axis, 1);
  const TF_Output outer = product(batch_dims, axis - batch_dims);
  const TF_Output inner = product(axis + 1, shape.rank() - axis - 1);
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

void Gather(RuleContext& c) {
  const int rank = c.InputShape(0).rank();
  if (rank < 0) c.Refuse("of an input of unknown rank");
  int axis = 0;
  int64_t batch_dims = 0;
  if (c.type() == "GatherV2") {
    const auto axes = c.ConstAxes(2, rank);
    if (!axes) c.Refuse("with an axis that is no constant");
    axis = (*axes)[0];
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

// The values come from the indices (..., k) of the last axis. The rule treats them as rows of a matrix, each
// row with its own columns.
void TopK(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  if (!c.HasDy(0)) return;
  const TF_Output dims = f.ShapeOf(c.Input(0));
  const TF_Output columns = f.Product(f.SliceVector(dims, -1, 0));
  const TF_Output picked = f.Product(f.SliceVector(f.ShapeOf(c.Output(1)), -1, 0));
  const TF_Output total = f.Product(dims);
  TF_Output indices = f.Cast(c.Output(1), TF_INT32);
  indices = f.Reshape(indices, f.Stack({f.Int(-1), picked}, 0));
  const TF_Output starts = f.Op("Range").In(f.Int(0)).In(total).In(columns).Out();
  const TF_Output flat = f.Add(indices, f.Op("ExpandDims").In(starts).In(f.Int(1)).Out());
  const TF_Output sums = t.Op("UnsortedSegmentSum")
                             .In(t.Reshape(c.Dy(), t.Ints({-1})))
                             .In(f.Reshape(flat, f.Ints({-1})))
                             .In(total)
                             .Out();
  c.Set(0, c.ReshapeLikeX(sums, 0));
}

// Elements of negative segments were dropped. A gather with these ids would read out of range.
void UnsortedSegmentSum(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const graph::Shape data = c.InputShape(0);
  const graph::Shape ids = c.InputShape(1);
  if (!data.known_rank || !ids.known_rank) c.Refuse("of inputs of unknown rank");
  const TF_Output zero = f.scope()->Scalar(c.InputType(1), 0);
  const TF_Output safe = f.Binary("Maximum", c.Input(1), zero);
  const TF_Output gathered = t.Op("GatherV2").In(c.Dy()).In(safe).In(t.Int(0)).Out();
  TF_Output used = f.Binary("GreaterEqual", c.Input(1), zero);
  for (int axis = ids.rank(); axis < data.rank(); ++axis) {
    used = f.Op("ExpandDims").In(used).In(f.Int(-1)).Out();
  }
  c.Set(0, t.Masked(used, gathered));
}

}  // namespace

void AddGatherRules(Registry* registry) {
  registry->AddAll({"Gather", "GatherV2"}, Gather);
  registry->Add("GatherNd", GatherNd);
  registry->Add("ScatterNd", ScatterNd);
  registry->Add("TopKV2", TopK);
  registry->Add("UnsortedSegmentSum", UnsortedSegmentSum);
}

}  // namespace ke::gradient
