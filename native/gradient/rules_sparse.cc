// Sparse tensors: triples of indices (n, rank), values (n) and a dense shape. Only values have gradients.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Returns column `axis` of the indices.
TF_Output Column(const Ops& f, TF_Output indices, int axis) {
  const TF_Output column = f.Slice(indices, f.Ints({0, axis}), f.Ints({-1, 1}));
  return f.Reshape(column, f.Ints({-1}));
}

// Inputs (indices, values, shape, dense matrix).
void DenseMatMul(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  if (c.InputType(1) != c.InputType(3)) c.Refuse("of mixed dtypes");
  const bool adjoint_a = c.AttrBool("adjoint_a");
  const bool adjoint_b = c.AttrBool("adjoint_b");
  if (c.Needs(3)) {
    const TF_Output gradient = t.Op("SparseTensorDenseMatMul")
                                   .In(c.X(0))
                                   .In(c.X(1))
                                   .In(c.X(2))
                                   .In(c.Dy())
                                   .AttrBool("adjoint_a", !adjoint_a)
                                   .Out();
    c.Set(3, adjoint_b ? t.Adjoint(gradient) : gradient);
  }
  if (c.Needs(1)) {
    // Element (r, c) of dy b^H, for the nonzero elements only. The adjoint of `a` exchanges r and c, and
    // conjugates.
    const TF_Output rows = t.Gather(c.Dy(), Column(f, c.Input(0), adjoint_a ? 1 : 0));
    const TF_Output b = adjoint_b ? f.Transpose(c.Input(3), {1, 0}) : f.Conj(c.Input(3));
    const TF_Output columns = f.Gather(b, Column(f, c.Input(0), adjoint_a ? 0 : 1));
    const TF_Output values = t.Sum(t.Mul(rows, columns), {1}, false);
    c.Set(1, adjoint_a ? t.Conj(values) : values);
  }
}

// Inputs (indices, values, shape, dense tensor).
void DenseAdd(RuleContext& c) {
  if (c.Needs(1)) c.Set(1, c.ops().Binary("GatherNd", c.Dy(), c.X(0)));
  if (c.Needs(3)) c.Set(3, c.Dy());
}

// Inputs (indices, shape, values, default value). Indices of one axis may be a vector, a single index a
// scalar.
void ToDense(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const int rank = c.InputShape(0).rank();
  if (rank < 0 || c.InputShape(2).rank() < 0) c.Refuse("with indices or values of unknown rank");
  const TF_Output indices = rank == 2 ? c.Input(0) : f.ExpandDims(c.Input(0), -1);
  const TF_Output values = t.Binary("GatherNd", c.Dy(), indices);
  const auto total = [&](TF_Output x) { return t.Binary("Sum", t.Reshape(x, t.Ints({-1})), t.Int(0)); };
  // A single value may stand at all indices.
  if (c.Needs(2)) c.Set(2, c.InputShape(2).rank() == 0 ? total(values) : c.ReshapeLikeX(values, 2));
  if (c.Needs(3)) c.Set(3, t.Sub(total(c.Dy()), total(values)));
}

// Inputs (indices, values, shape, axes). Each value was added to the element whose index is its own, with 0
// along the reduced axes.
void ReduceSum(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output shape = f.Cast(c.Input(2), TF_INT32);
  const TF_Output rank = f.Op("Size").In(shape).Out();
  const TF_Output axes = f.Reshape(f.Binary("FloorMod", f.Add(c.Input(3), rank), rank), f.Ints({-1}));
  const TF_Output kept =
      f.Op("DynamicStitch").InList({f.Range(rank), axes}).InList({shape, f.Unary("OnesLike", axes)}).Out();
  const TF_Output scale = f.Cast(f.Binary("FloorDiv", shape, kept), TF_INT64);
  c.Set(1, t.Binary("GatherNd", t.Reshape(c.Dy(), kept), f.Binary("FloorDiv", c.Input(0), scale)));
}

// Outputs (indices, values): the values in another order. The order of the numbers 0, 1, ... is the same.
void Reorder(RuleContext& c) {
  const Ops& f = c.forward_ops();
  const TF_Output count = f.Op("Size").In(c.Input(1)).Out();
  const TF_Output order = f.Op("SparseReorder").In(c.Input(0)).In(f.Range(count)).In(c.Input(2)).Out(1);
  c.Set(1, c.ops().Gather(c.Dy(1), f.Unary("InvertPermutation", order)));
}

// Inputs (a indices, a values, a shape, b indices, b values, b shape, threshold), outputs (indices, values,
// shape).
void SparseAdd(RuleContext& c) {
  const std::vector<TF_Output> gradients =
      c.ops().Op("SparseAddGrad").In(c.Dy(1)).In(c.X(0)).In(c.X(3)).In(c.Y(0)).Outs();
  if (c.Needs(1)) c.Set(1, c.ReshapeLikeX(gradients[0], 1));
  if (c.Needs(4)) c.Set(4, c.ReshapeLikeX(gradients[1], 4));
}

// Inputs (indices, values, shape, start, size), outputs (indices, values, shape).
void SparseSlice(RuleContext& c) {
  const TF_Output gradient = c.ops().Op("SparseSliceGrad").In(c.Dy(1)).In(c.X(0)).In(c.X(3)).In(c.Y(0)).Out();
  c.Set(1, c.ReshapeLikeX(gradient, 1));
}

// Inputs (indices, values, shape, default value), outputs (indices, values, empty rows, reverse index map).
void FillEmptyRows(RuleContext& c) {
  const std::vector<TF_Output> gradients =
      c.ops().Op("SparseFillEmptyRowsGrad").In(c.Y(3)).In(c.Dy(1)).Outs();
  if (c.Needs(1)) c.Set(1, gradients[0]);
  if (c.Needs(3)) c.Set(3, gradients[1]);
}

// (dy - sum(dy * y)) * y over the values of each row.
void Softmax(RuleContext& c) {
  const Ops& t = c.ops();
  const TF_Output sums = t.Op("SparseReduceSum")
                             .In(c.X(0))
                             .In(t.Mul(c.Dy(), c.Y()))
                             .In(c.X(2))
                             .In(t.Ints({-1}))
                             .AttrBool("keep_dims", true)
                             .Out();
  const TF_Output centred =
      t.Op("SparseDenseCwiseAdd").In(c.X(0)).In(c.Dy()).In(c.X(2)).In(t.Neg(sums)).Out();
  c.Set(1, t.Mul(centred, c.Y()));
}

// Inputs (indices, values, shape, dense), with the dense tensor broadcast to the shape.
void DenseProduct(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const bool product = c.type() == "SparseDenseCwiseMul";
  const TF_Output shape = c.Input(2);
  const TF_Output dense_shape = f.ShapeOf(c.Input(3), TF_INT64);
  const TF_Output added = f.Sub(f.Op("Size").In(shape).Out(), f.Op("Size").In(dense_shape).Out());
  const TF_Output added_vector = f.Reshape(added, f.Ints({1}));
  const TF_Output ones = f.Op("Fill").In(added_vector).In(f.Scalar(TF_INT64, 1)).Out();
  const TF_Output scale = f.Binary("FloorDiv", shape, f.Concat({ones, dense_shape}, 0));
  const TF_Output begin = f.Concat({f.Ints({0}), added_vector}, 0);
  const TF_Output indices = f.Slice(f.Binary("FloorDiv", c.Input(0), scale), begin, f.Ints({-1, -1}));
  const TF_Output dense = f.Binary("GatherNd", c.Input(3), indices);
  if (c.Needs(1)) c.Set(1, product ? t.Mul(c.Dy(), dense) : t.Div(c.Dy(), dense));
  if (c.Needs(3)) {
    const TF_Output factor = product ? c.Input(1) : f.Neg(f.Div(c.Input(1), f.Square(dense)));
    c.Set(3, t.Op("ScatterNd").In(indices).In(t.Mul(c.Dy(), factor)).In(dense_shape).Out());
  }
}

}  // namespace

void AddSparseRules(Registry* registry) {
  registry->Add("SparseTensorDenseMatMul", DenseMatMul);
  registry->Add("SparseTensorDenseAdd", DenseAdd);
  registry->Add("SparseToDense", ToDense);
  registry->Add("SparseReduceSum", ReduceSum);
  registry->Add("SparseReorder", Reorder);
  registry->Add("SparseAdd", SparseAdd);
  registry->Add("SparseSlice", SparseSlice);
  registry->Add("SparseFillEmptyRows", FillEmptyRows);
  registry->Add("SparseSoftmax", Softmax);
  registry->AddAll({"SparseDenseCwiseMul", "SparseDenseCwiseDiv"}, DenseProduct);
}

}  // namespace ke::gradient
