// Inverses, determinants, square roots and systems of linear equations, for batches of matrices.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Returns `x` with two more axes of size 1: a factor for the matrices of a batch.
TF_Output PerMatrix(const Ops& t, TF_Output x) { return t.ExpandDims(t.ExpandDims(x, -1), -1); }

TF_Output InverseOf(const Ops& f, TF_Output matrix, bool adjoint) {
  return f.Op("MatrixInverse").In(matrix).AttrBool("adjoint", adjoint).Out();
}

void MatrixInverse(RuleContext& c) {
  const Ops& t = c.ops();
  const bool adjoint = c.AttrBool("adjoint");
  const TF_Output right = t.MatMul(c.Dy(), c.Y(), adjoint, !adjoint);
  c.Set(0, t.Neg(t.MatMul(c.Y(), right, !adjoint, false)));
}

void MatrixDeterminant(RuleContext& c) {
  const Ops& t = c.ops();
  const TF_Output inverse = InverseOf(c.forward_ops(), c.Input(0), true);
  c.Set(0, t.Mul(PerMatrix(t, t.Mul(c.Dy(), c.Y())), inverse));
}

// Outputs (sign, logarithm of the absolute value). The sign is constant.
void LogMatrixDeterminant(RuleContext& c) {
  if (!c.HasDy(1)) return;
  const Ops& t = c.ops();
  c.Set(0, t.Mul(PerMatrix(t, c.Dy(1)), InverseOf(c.forward_ops(), c.Input(0), true)));
}

// The gradient of the right side, b, is the solution of the adjoint system for dy. That of the matrix is the
// outer product of both solutions.
TF_Output MatrixGradient(RuleContext& c, TF_Output db) {
  const Ops& t = c.ops();
  const bool adjoint = c.AttrBool("adjoint");
  return t.Neg(adjoint ? t.MatMul(c.Y(), db, false, true) : t.MatMul(db, c.Y(), false, true));
}

void MatrixSolve(RuleContext& c) {
  const bool adjoint = c.AttrBool("adjoint");
  const TF_Output db = c.ops().Op("MatrixSolve").In(c.X(0)).In(c.Dy()).AttrBool("adjoint", !adjoint).Out();
  if (c.Needs(0)) c.Set(0, MatrixGradient(c, db));
  if (c.Needs(1)) c.Set(1, db);
}

// MatrixTriangularSolve and BandedTriangularSolve, whose matrix consists of its bands.
void TriangularSolve(RuleContext& c) {
  const Ops& t = c.ops();
  const bool lower = c.AttrBool("lower");
  const TF_Output db = t.Op(c.type())
                           .In(c.X(0))
                           .In(c.Dy())
                           .AttrBool("lower", lower)
                           .AttrBool("adjoint", !c.AttrBool("adjoint"))
                           .Out();
  if (c.Needs(0)) {
    TF_Output da = MatrixGradient(c, db);
    if (c.type() == "MatrixTriangularSolve") {
      const auto all = t.Scalar(TF_INT64, -1);
      const auto none = t.Scalar(TF_INT64, 0);
      da = t.Op("MatrixBandPart").In(da).In(lower ? all : none).In(lower ? none : all).Out();
    } else {
      const Ops& f = c.forward_ops();
      const TF_Output bands = f.SliceVector(f.ShapeOf(c.Input(0)), -2, -1);
      const TF_Output last = f.Sub(bands, f.Int(1));
      const TF_Output zero = f.Ints({0});
      const TF_Output range = lower ? f.Concat({f.Neg(last), zero}, 0) : f.Concat({zero, last}, 0);
      da = t.Op("MatrixDiagPartV3")
               .In(da)
               .In(range)
               .In(t.Scalar(c.InputType(0), 0))
               .AttrString("align", "LEFT_RIGHT")
               .Out();
    }
    c.Set(0, c.Unbroadcast(da, 0, {0, 1}, 2));
  }
  if (c.Needs(1)) c.Set(1, c.Unbroadcast(db, 1, {0, 1}, 2));
}

// Returns the Cholesky factor of a^H a + l2 I, or of a a^H + l2 I.
TF_Output GramianFactor(const Ops& f, TF_Output a, TF_Output l2, bool columns) {
  const TF_Output gramian = f.MatMul(a, a, columns, !columns);
  const TF_Output diagonal = f.Add(f.Unary("MatrixDiagPart", gramian), l2);
  return f.Unary("Cholesky", f.Binary("MatrixSetDiag", gramian, diagonal));
}

TF_Output CholeskySolve(const Ops& ops, TF_Output factor, TF_Output right) {
  const auto solve = [&](TF_Output b, bool adjoint) {
    return ops.Op("MatrixTriangularSolve")
        .In(factor)
        .In(b)
        .AttrBool("lower", true)
        .AttrBool("adjoint", adjoint)
        .Out();
  };
  return solve(solve(right, false), true);
}

// Inputs (a, b, l2 regularizer): the solution of the normal equations, of the first kind if `a` has at least
// as many rows as columns.
void MatrixSolveLs(RuleContext& c) {
  if (!c.AttrBool("fast")) c.Refuse("with `fast=False`");
  if (c.Needs(2)) c.Refuse("with respect to the regularizer");
  const graph::Shape shape = c.InputShape(0);
  const int rank = shape.rank();
  if (rank < 2 || shape.dims[rank - 1] < 0 || shape.dims[rank - 2] < 0)
    c.Refuse("of matrices of unknown size");
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output a = c.Input(0);
  const TF_Output b = c.Input(1);
  const bool tall = shape.dims[rank - 2] >= shape.dims[rank - 1];
  const TF_Output factor = GramianFactor(f, a, f.Cast(c.Input(2), c.InputType(0)), tall);
  if (tall) {
    const TF_Output z = CholeskySolve(t, factor, c.Dy());
    const TF_Output xz = t.MatMul(c.Y(), z, false, true);
    const TF_Output symmetric = t.Add(xz, t.Adjoint(xz));
    if (c.Needs(0)) c.Set(0, t.Sub(t.MatMul(b, z, false, true), t.MatMul(a, symmetric)));
    if (c.Needs(1)) c.Set(1, t.MatMul(a, z));
    return;
  }
  const TF_Output db = CholeskySolve(t, factor, t.MatMul(a, c.Dy()));
  if (c.Needs(1)) c.Set(1, db);
  if (c.Needs(0)) {
    const TF_Output solved = CholeskySolve(f, factor, b);
    const TF_Output rest = t.Sub(c.Dy(), t.MatMul(a, db, true, false));
    c.Set(0, t.Sub(t.MatMul(solved, rest, false, true), t.MatMul(db, f.MatMul(solved, a, true, false))));
  }
}

// With R R = A, dA solves R^T dA + dA R^T = dR: a system of linear equations for the elements of dA, in rows.
void MatrixSquareRoot(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output root = c.Output(0);
  const TF_Output dims = f.ShapeOf(root);
  const TF_Output batch = f.SliceVector(dims, 0, -2);
  const TF_Output order = f.SliceVector(dims, -1, 0);
  const TF_Output squared = f.Square(order);
  const TF_Output diagonal = f.Op("Fill").In(order).In(f.Scalar(c.InputType(0), 1)).Out();
  const TF_Output identity = f.Unary("MatrixDiag", diagonal);
  const auto product = [&](const char* equation, TF_Output x) {
    const TF_Output four = f.Op("Einsum").InList({x, identity}).AttrString("equation", equation).Out();
    return f.Reshape(four, f.Concat({batch, squared, squared}, 0));
  };
  const TF_Output system = f.Add(product("...ba,cd->...acbd", root), product("...cd,ab->...acbd", root));
  const TF_Output right = t.Reshape(c.Dy(), f.Concat({batch, squared, f.Ints({1})}, 0));
  c.Set(0, c.ReshapeLikeX(t.Op("MatrixSolve").In(system).In(right).Out(), 0));
}

// Returns x moved by one row along the axis before the last: up for +1, down for -1. A row of zeros enters.
TF_Output Moved(RuleContext& c, const Ops& ops, TF_Output x, int direction) {
  const int rank = c.OutputShape(0).rank();
  std::vector<int32_t> begin(rank, 0);
  std::vector<int32_t> paddings(2 * rank, 0);
  (direction > 0 ? begin[rank - 2] : paddings[2 * (rank - 2)]) = 1;
  if (direction > 0) paddings[2 * (rank - 2) + 1] = 1;
  std::vector<int32_t> end(rank, 0);
  end[rank - 2] = direction > 0 ? 0 : -1;
  const int64_t all = (int64_t{1} << rank) - 1;
  const int64_t cut = int64_t{1} << (rank - 2);
  const TF_Output part = ops.Op("StridedSlice")
                             .In(x)
                             .In(ops.Ints(begin))
                             .In(ops.Ints(end))
                             .In(ops.Ints(std::vector<int32_t>(rank, 1)))
                             .AttrInt("begin_mask", direction > 0 ? all & ~cut : all)
                             .AttrInt("end_mask", direction > 0 ? all : all & ~cut)
                             .Out();
  return ops.Binary("Pad", part, ops.Reshape(ops.Ints(paddings), ops.Ints({-1, 2})));
}

// Inputs (diagonal above, main diagonal, diagonal below, each (..., 1, m), right (..., m, n)).
void TridiagonalMatMul(RuleContext& c) {
  if (c.OutputShape(0).rank() < 2) c.Refuse("of matrices of unknown rank");
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const TF_Output right = c.Input(3);
  const auto diagonal = [&](TF_Output factor) {
    return t.ExpandDims(t.Sum(t.Mul(factor, c.Dy()), {-1}, false), -2);
  };
  if (c.Needs(0)) c.Set(0, diagonal(Moved(c, f, right, 1)));
  if (c.Needs(1)) c.Set(1, diagonal(right));
  if (c.Needs(2)) c.Set(2, diagonal(Moved(c, f, right, -1)));
  if (!c.Needs(3)) return;
  const auto times = [&](int i) { return t.Mul(f.Adjoint(c.Input(i)), c.Dy()); };
  c.Set(3, t.Add(t.Add(Moved(c, t, times(0), -1), times(1)), Moved(c, t, times(2), 1)));
}

// Inputs (diagonals (..., 3, m): above, main, below; right (..., m, n)).
void TridiagonalSolve(RuleContext& c) {
  if (c.OutputShape(0).rank() < 2) c.Refuse("of matrices of unknown rank");
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const std::vector<TF_Output> rows =
      f.Op("Unpack").In(c.Input(0)).AttrInt("num", 3).AttrInt("axis", -2).Outs();
  // A diagonal as a matrix of one column is moved along its rows.
  const auto moved = [&](TF_Output row, int direction) {
    return f.Op("Squeeze")
        .In(Moved(c, f, f.ExpandDims(row, -1), direction))
        .AttrInts("squeeze_dims", {-1})
        .Out();
  };
  const TF_Output transposed = f.Stack({moved(rows[2], 1), rows[1], moved(rows[0], -1)}, -2);
  const TF_Output db = t.Op("TridiagonalSolve")
                           .In(transposed)
                           .In(c.Dy())
                           .AttrBool("partial_pivoting", c.AttrBool("partial_pivoting"))
                           .Out();
  if (c.Needs(1)) c.Set(1, db);
  if (!c.Needs(0)) return;
  const auto diagonal = [&](TF_Output x) { return t.Sum(t.Mul(db, x), {-1}, false); };
  const TF_Output x = c.Output(0);
  const TF_Output all = t.Stack({diagonal(Moved(c, f, x, 1)), diagonal(x), diagonal(Moved(c, f, x, -1))}, -2);
  c.Set(0, t.Neg(all));
}

}  // namespace

void AddSolveRules(Registry* registry) {
  registry->Add("MatrixInverse", MatrixInverse);
  registry->Add("MatrixDeterminant", MatrixDeterminant);
  registry->Add("LogMatrixDeterminant", LogMatrixDeterminant);
  registry->Add("MatrixSolve", MatrixSolve);
  registry->AddAll({"MatrixTriangularSolve", "BandedTriangularSolve"}, TriangularSolve);
  registry->Add("MatrixSolveLs", MatrixSolveLs);
  registry->Add("MatrixSquareRoot", MatrixSquareRoot);
  registry->Add("TridiagonalMatMul", TridiagonalMatMul);
  registry->Add("TridiagonalSolve", TridiagonalSolve);
  registry->ForComplex({"MatrixInverse", "MatrixSolve", "MatrixTriangularSolve"});
}

}  // namespace ke::gradient
