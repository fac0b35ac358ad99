// Ops that sort and rank the elements of an axis.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Outputs (values, indices of the last axis). The rule treats the input as a matrix: the flat index of each
// value is its column plus the start of its row.
void TopK(RuleContext& c) {
  if (!c.HasDy(0)) return;
  if (c.type() == "ApproxTopK" && c.AttrInt("reduction_dimension") != -1)
    c.Refuse("along an axis but the last");
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output dims = f.ShapeOf(c.Input(0));
  const TF_Output columns = f.Product(f.SliceVector(dims, -1, 0));
  const TF_Output picked = f.Product(f.SliceVector(f.ShapeOf(c.Output(1)), -1, 0));
  const TF_Output total = f.Product(dims);
  const TF_Output rows = f.Reshape(f.Cast(c.Output(1), TF_INT32), f.Stack({f.Int(-1), picked}, 0));
  const TF_Output starts = f.Op("Range").In(f.Int(0)).In(total).In(columns).Out();
  const TF_Output flat = f.Reshape(f.Add(rows, f.ExpandDims(starts, 1)), f.Ints({-1}));
  const TF_Output sums =
      t.Op("UnsortedSegmentSum").In(t.Reshape(c.Dy(), t.Ints({-1}))).In(flat).In(total).Out();
  c.Set(0, c.ReshapeLikeX(sums, 0));
}

// Equal elements share the gradient equally.
void NthElement(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output held = f.Cast(f.Binary("Equal", f.ExpandDims(c.Output(0), -1), c.Input(0)), c.InputType(0));
  const TF_Output share = f.Div(held, f.Sum(held, {-1}, true));
  c.Set(0, t.Mul(share, t.ExpandDims(c.Dy(), -1)));
}

// Outputs (values, segments) of matrices. The values of a segment are equal, and share the gradient equally.
void IsotonicRegression(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output dims = f.ShapeOf(c.Output(1));
  const TF_Output columns = f.Product(f.SliceVector(dims, -1, 0));
  const TF_Output total = f.Product(dims);
  const TF_Output starts = f.Op("Range").In(f.Int(0)).In(total).In(columns).Out();
  const TF_Output ids = f.Reshape(f.Add(c.Output(1), f.ExpandDims(starts, 1)), f.Ints({-1}));
  const auto sums = [&](const Ops& ops, TF_Output x) {
    return ops.Op("UnsortedSegmentSum").In(x).In(ids).In(total).Out();
  };
  const TF_Output counts = sums(f, f.Cast(f.Unary("OnesLike", ids), c.OutputType(0)));
  const TF_Output means = t.Binary("DivNoNan", sums(t, t.Reshape(c.Dy(), t.Ints({-1}))), counts);
  c.Set(0, t.Cast(c.ReshapeLikeX(t.Gather(means, ids), 0), c.InputType(0)));
}

}  // namespace

void AddOrderRules(Registry* registry) {
  registry->AddAll({"TopKV2", "ApproxTopK"}, TopK);
  registry->Add("NthElement", NthElement);
  registry->Add("IsotonicRegression", IsotonicRegression);
}

}  // namespace ke::gradient
