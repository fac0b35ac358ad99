// Reductions over axes (input 1), L2 norms and running sums.
#include <algorithm>
#include <numeric>

#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Returns `reduced` (the output of the reduction, or its gradient) with the reduced axes restored with size
// 1. `reduced` belongs to the graph of `ops`.
TF_Output WithReducedAxes(RuleContext& c, const Ops& ops, TF_Output reduced) {
  if (c.AttrBool("keep_dims")) return reduced;
  if (auto axes = c.ConstAxes(1, c.InputShape(0).rank())) {
    std::sort(axes->begin(), axes->end());
    for (const int axis : *axes) reduced = ops.Op("ExpandDims").In(reduced).In(ops.Int(axis)).Out();
    return reduced;
  }
  // If the axes or the rank are unknown, ones are written into the shape at run time, in the forward graph.
  const Ops& f = c.forward_ops();
  const TF_Output shape = f.ShapeOf(c.Input(0));
  const TF_Output rank = f.Op("Size").In(shape).Out();
  TF_Output axes = f.Cast(c.Input(1), TF_INT32);
  axes = f.Reshape(f.Binary("FloorMod", f.Add(axes, rank), rank), f.Ints({-1}));
  const TF_Output all = f.Op("Range").In(f.Int(0)).In(rank).In(f.Int(1)).Out();
  const TF_Output ones = f.Op("OnesLike").In(axes).Out();
  const TF_Output stitched = f.Op("DynamicStitch").InList({all, axes}).InList({shape, ones}).Out();
  return ops.Reshape(reduced, stitched);
}

void Sum(RuleContext& c) { c.Set(0, c.BroadcastLikeX(WithReducedAxes(c, c.ops(), c.Dy()), 0)); }

// Returns the number of elements of each mean, or -1 if the number is not static.
int64_t ReducedCount(RuleContext& c) {
  const graph::Shape shape = c.InputShape(0);
  const auto axes = c.ConstAxes(1, shape.rank());
  if (!axes) return -1;
  int64_t count = 1;
  for (const int axis : *axes) {
    if (shape.dims[axis] <= 0) return -1;
    count *= shape.dims[axis];
  }
  return count;
}

void Mean(RuleContext& c) {
  const Ops& t = c.ops();
  // Scaled before the broadcast, because the reduced tensor is the smaller one.
  TF_Output dy = c.Dy();
  const int64_t count = ReducedCount(c);
  if (count > 0) {
    dy = t.Scale(dy, 1.0 / static_cast<double>(count));
  } else {
    const Ops& f = c.forward_ops();
    const TF_Output of_x = f.Product(f.ShapeOf(c.Input(0)));
    const TF_Output of_y = f.Binary("Maximum", f.Product(f.ShapeOf(c.Output(0))), f.Int(1));
    dy = t.Div(dy, f.Cast(f.Binary("FloorDiv", of_x, of_y), c.InputType(0)));
  }
  c.Set(0, c.BroadcastLikeX(WithReducedAxes(c, t, dy), 0));
}

// Equal elements at the extremum share the gradient equally.
void Extremum(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output y = WithReducedAxes(c, f, c.Output(0));
  const TF_Output holders = f.Cast(f.Binary("Equal", c.Input(0), y), c.InputType(0));
  const TF_Output count = f.Op("Sum").In(holders).In(c.Input(1)).AttrBool("keep_dims", true).Out();
  c.Set(0, t.Mul(holders, t.Div(WithReducedAxes(c, t, c.Dy()), count)));
}

// The derivative with respect to an element is the product of the other elements, computed by running
// products from both sides. This is also correct if elements are zero, unlike y / x.
void Prod(RuleContext& c) {
  const graph::Shape shape = c.InputShape(0);
  const auto axes = c.ConstAxes(1, shape.rank());
  if (!axes) c.Refuse("with an unknown rank or axes that are no constant");
  if (axes->empty()) {
    c.Set(0, c.Dy());
    return;
  }
  const Ops& f = c.forward_ops();
  std::vector<int32_t> order(axes->begin(), axes->end());
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (std::find(axes->begin(), axes->end(), axis) == axes->end()) order.push_back(axis);
  }
  std::vector<int32_t> inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) inverse[order[i]] = static_cast<int32_t>(i);
  const auto reduced = static_cast<int>(axes->size());

  const TF_Output first = f.Transpose(c.Input(0), order);
  const TF_Output dims = f.ShapeOf(first);
  const TF_Output rows = f.Product(f.SliceVector(dims, 0, reduced));
  const TF_Output columns = f.Product(f.SliceVector(dims, reduced, 0));
  const TF_Output flat = f.Reshape(first, f.Stack({rows, columns}, 0));
  const auto others = [&](bool reverse) {
    return f.Op("Cumprod")
        .In(flat)
        .In(f.Int(0))
        .AttrBool("exclusive", true)
        .AttrBool("reverse", reverse)
        .Out();
  };
  const TF_Output factor = f.Reshape(f.Conj(f.Mul(others(false), others(true))), dims);
  c.Set(0, c.ops().Mul(f.Transpose(factor, inverse), WithReducedAxes(c, c.ops(), c.Dy())));
}

// The gradient is 0 where the norm is 0. Otherwise every gradient before an all-zero input would be NaN.
void EuclideanNorm(RuleContext& c) {
  const Ops& t = c.ops();
  c.Set(0, t.Mul(c.X(), WithReducedAxes(c, t, t.Binary("DivNoNan", c.Dy(), c.Y()))));
}

void Cumsum(RuleContext& c) {
  c.Set(0, c.ops()
               .Op("Cumsum")
               .In(c.Dy())
               .In(c.X(1))
               .AttrBool("exclusive", c.AttrBool("exclusive"))
               .AttrBool("reverse", !c.AttrBool("reverse"))
               .Out());
}

}  // namespace

void AddReductionRules(Registry* registry) {
  registry->Add("Sum", Sum);
  registry->Add("Mean", Mean);
  registry->AddAll({"Max", "Min"}, Extremum);
  registry->Add("Prod", Prod);
  registry->Add("EuclideanNorm", EuclideanNorm);
  registry->Add("Cumsum", Cumsum);
  registry->ForComplex({"Sum", "Mean", "Prod", "Cumsum"});
}

}  // namespace ke::gradient
