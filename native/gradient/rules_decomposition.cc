// Decompositions of batches of matrices: Cholesky, QR, eigenvalues and singular values. The formulas are
// those of TensorFlow's Python gradients; of Giles, "Collected matrix derivative results for forward and
// reverse mode algorithmic differentiation" (2008); and, for Eig, of Boeddeker et al. (arXiv:1701.00392).
#include <algorithm>

#include "gradient/registry.h"

namespace ke::gradient {

namespace {

TF_Output Diagonal(const Ops& ops, TF_Output x) { return ops.Unary("MatrixDiag", x); }

TF_Output Lower(const Ops& ops, TF_Output x) {
  return ops.Op("MatrixBandPart").In(x).In(ops.Scalar(TF_INT64, -1)).In(ops.Scalar(TF_INT64, 0)).Out();
}

// Returns the lower triangle with half of the diagonal.
TF_Output LowerWithHalfDiagonal(const Ops& ops, TF_Output x) {
  const TF_Output half = ops.Scale(ops.Unary("MatrixDiagPart", x), 0.5);
  return Lower(ops, ops.Binary("MatrixSetDiag", x, half));
}

TF_Output TriangularSolve(const Ops& ops, TF_Output a, TF_Output b, bool lower, bool adjoint) {
  return ops.Op("MatrixTriangularSolve")
      .In(a)
      .In(b)
      .AttrBool("lower", lower)
      .AttrBool("adjoint", adjoint)
      .Out();
}

// L^-H (lower triangle of L^H dL) L^-1, made symmetric.
void Cholesky(RuleContext& c) {
  const Ops& t = c.ops();
  const TF_Output l = c.Output(0);
  const TF_Output middle = LowerWithHalfDiagonal(t, t.MatMul(l, c.Dy(), true, false));
  const TF_Output left = TriangularSolve(t, l, middle, true, true);
  // x L^-1 = (L^-H x^H)^H
  const TF_Output both = t.Adjoint(TriangularSolve(t, l, t.Adjoint(left), true, true));
  c.Set(0, t.Scale(t.Add(both, t.Adjoint(both)), 0.5));
}

// The gradient of A = Q R with at least as many rows as columns, and R square.
TF_Output DeepQr(const Ops& t, TF_Output q, TF_Output r, TF_Output dq, TF_Output dr) {
  const auto times_inverse = [&](TF_Output x) {  // x R^-H
    return t.Adjoint(TriangularSolve(t, r, t.Adjoint(x), false, false));
  };
  const TF_Output qdq = t.MatMul(q, dq, true, false);
  const TF_Output rdr = t.MatMul(r, dr, false, true);
  const TF_Output skew = t.Add(t.Sub(qdq, t.Adjoint(qdq)), t.Sub(rdr, t.Adjoint(rdr)));
  const TF_Output a = t.MatMul(q, t.Add(dr, times_inverse(Lower(t, skew))));
  return t.Add(a, times_inverse(t.Sub(dq, t.MatMul(q, qdq))));
}

// Returns `count` columns from `begin` on. A negative count stands for all remaining columns.
TF_Output Columns(const Ops& ops, TF_Output x, int rank, int64_t begin, int64_t count) {
  std::vector<int32_t> begins(rank, 0);
  std::vector<int32_t> sizes(rank, -1);
  begins.back() = static_cast<int32_t>(begin);
  sizes.back() = static_cast<int32_t>(count);
  return ops.Slice(x, ops.Ints(begins), ops.Ints(sizes));
}

struct MatrixSize {
  int rank;
  int64_t rows;
  int64_t columns;
};

MatrixSize SizeOfMatrix(const RuleContext& c) {
  const graph::Shape shape = c.InputShape(0);
  const int rank = shape.rank();
  if (rank < 2 || shape.dims[rank - 2] < 0 || shape.dims[rank - 1] < 0)
    c.Refuse("of matrices of unknown size");
  return {rank, shape.dims[rank - 2], shape.dims[rank - 1]};
}

void Qr(RuleContext& c) {
  const MatrixSize size = SizeOfMatrix(c);
  if (c.AttrBool("full_matrices") && size.rows > size.columns) {
    c.Refuse("with full matrices of more rows than columns");
  }
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  if (size.rows >= size.columns) {
    c.Set(0, DeepQr(t, c.Output(0), c.Output(1), c.Dy(0), c.Dy(1)));
    return;
  }
  // A = (X, Y) and R = (U, V): X = Q U is square, and Y = Q V.
  const auto rest = [&](const Ops& ops, TF_Output x) {
    return Columns(ops, x, size.rank, size.rows, size.columns - size.rows);
  };
  const TF_Output u = Columns(f, c.Output(1), size.rank, 0, size.rows);
  const TF_Output du = Columns(t, c.Dy(1), size.rank, 0, size.rows);
  const TF_Output dv = rest(t, c.Dy(1));
  const TF_Output dq = t.Add(c.Dy(0), t.MatMul(rest(f, c.Input(0)), dv, false, true));
  c.Set(0, t.Concat({DeepQr(t, c.Output(0), u, dq, du), t.MatMul(c.Output(0), dv)}, -1));
}

// x / (x^2 + 1e-20): a reciprocal that is 0 at 0. Equal eigenvalues have no derivative of their vectors.
TF_Output SafeReciprocal(const Ops& f, TF_Output x) {
  return f.Mul(x, f.Unary("Reciprocal", f.Shift(f.Mul(x, x), 1e-20)));
}

// Returns the matrix 1 / (e_j - e_i), with 0 on the diagonal.
TF_Output Gaps(const Ops& f, TF_Output e) {
  const TF_Output differences = f.Sub(f.ExpandDims(e, -2), f.ExpandDims(e, -1));
  return f.Binary("MatrixSetDiag", SafeReciprocal(f, differences), f.ZerosLike(e));
}

// The op reads the lower triangle of its input, and only this triangle has a gradient.
void SelfAdjointEig(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  TF_Output vectors = c.Output(1);
  TF_Output middle = Diagonal(t, c.Dy(0));
  if (c.AttrBool("compute_v")) {
    if (c.HasDy(1)) {
      middle = t.Add(middle, t.Mul(Gaps(f, c.Output(0)), t.MatMul(vectors, c.Dy(1), true, false)));
    }
  } else {
    vectors = f.Op("SelfAdjointEigV2").In(c.Input(0)).AttrBool("compute_v", true).Out(1);
  }
  const TF_Output da = t.MatMul(vectors, t.MatMul(middle, vectors, false, true));
  c.Set(0, LowerWithHalfDiagonal(t, t.Add(da, t.Adjoint(da))));
}

// The eigenvalues and vectors of any square matrix are complex.
void Eig(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_DataType dtype = c.OutputType(0);
  TF_Output vectors = c.Output(1);
  TF_Output middle = Diagonal(t, c.Dy(0));
  if (c.AttrBool("compute_v")) {
    if (c.HasDy(1)) {
      const TF_Output projected = t.MatMul(vectors, c.Dy(1), true, false);
      const TF_Output real = t.Cast(t.Real(t.Unary("MatrixDiagPart", projected)), dtype);
      const TF_Output norms = f.MatMul(vectors, vectors, true, false);
      const TF_Output change = t.Sub(projected, t.MatMul(norms, Diagonal(t, real)));
      middle = t.Add(middle, t.Mul(f.Conj(Gaps(f, c.Output(0))), change));
    }
  } else {
    vectors = f.Op("Eig").In(c.Input(0)).AttrBool("compute_v", true).AttrType("Tout", dtype).Out(1);
  }
  const TF_Output adjoint = f.Adjoint(vectors);
  const TF_Output da = t.Op("MatrixSolve").In(adjoint).In(t.MatMul(middle, adjoint)).Out();
  c.Set(0, t.Cast(da, c.InputType(0)));
}

// Outputs (s, u, v).
void Svd(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output ds = Diagonal(t, c.Dy(0));
  if (!c.AttrBool("compute_uv")) {
    const std::vector<TF_Output> parts = f.Op("Svd").In(c.Input(0)).AttrBool("compute_uv", true).Outs();
    c.Set(0, t.MatMul(parts[1], t.MatMul(ds, parts[2], false, true)));
    return;
  }
  const MatrixSize size = SizeOfMatrix(c);
  // A tall matrix is treated as its transpose, which exchanges u and v.
  const bool tall = size.rows > size.columns;
  const int64_t m = std::min(size.rows, size.columns);
  const int64_t n = std::max(size.rows, size.columns);
  const bool full = c.AttrBool("full_matrices");
  if (full && n - m > 1) c.Refuse("with full matrices whose sizes differ by more than 1");
  const TF_Output u = c.Output(tall ? 2 : 1);
  const TF_Output v = c.Output(tall ? 1 : 2);
  const TF_Output du = c.Dy(tall ? 2 : 1);
  const TF_Output dv = c.Dy(tall ? 1 : 2);
  const TF_Output s = Diagonal(f, c.Output(0));
  const TF_Output gaps = Gaps(f, f.Square(c.Output(0)));
  const TF_Output v1 = Columns(f, v, size.rank, 0, m);
  const TF_Output dv1 = Columns(t, dv, size.rank, 0, m);

  const auto symmetric = [&](TF_Output left, TF_Output right) {
    const TF_Output part = t.Mul(gaps, t.MatMul(left, right, true, false));
    return t.Add(part, t.Adjoint(part));
  };
  TF_Output middle = t.Add(ds, t.MatMul(symmetric(u, du), s));
  middle = t.Add(middle, t.MatMul(s, symmetric(v1, dv1)));
  TF_Output da = t.MatMul(u, t.MatMul(middle, v1, false, true));
  if (n > m) {
    const TF_Output transposed = t.Adjoint(dv1);
    TF_Output rest = t.Sub(transposed, t.MatMul(t.MatMul(transposed, v1), v1, false, true));
    if (full) {
      const TF_Output v2 = Columns(f, v, size.rank, m, n - m);
      const TF_Output dv2 = Columns(t, dv, size.rank, m, n - m);
      rest = t.Sub(rest, t.MatMul(t.MatMul(v1, dv2, true, false), v2, false, true));
    }
    const TF_Output scaled = f.MatMul(u, Diagonal(f, SafeReciprocal(f, c.Output(0))));
    da = t.Add(da, t.MatMul(scaled, rest));
  }
  c.Set(0, tall ? t.Adjoint(da) : da);
}

}  // namespace

void AddDecompositionRules(Registry* registry) {
  registry->Add("Cholesky", Cholesky);
  registry->Add("Qr", Qr);
  registry->Add("SelfAdjointEigV2", SelfAdjointEig);
  registry->Add("Eig", Eig);
  registry->Add("Svd", Svd);
  registry->ForComplex({"Cholesky", "Eig"});
}

}  // namespace ke::gradient
