// Diagonals and bands of matrices.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// The version of an op: MatrixDiag has 1, MatrixDiagV3 has 3. Version 2 adds the diagonals' range, version 3
// the alignment of shorter diagonals.
int Version(const RuleContext& c) { return c.type().ends_with("V2") ? 2 : c.type().ends_with("V3") ? 3 : 1; }

// Starts an op of the version of the differentiated op.
graph::OpBuilder Sibling(const RuleContext& c, const Ops& ops, const std::string& name) {
  const int version = Version(c);
  graph::OpBuilder op = ops.Op(version == 1 ? name : name + "V" + std::to_string(version));
  if (version == 3) op.AttrString("align", c.AttrString("align"));
  return op;
}

// Returns the diagonals of dy. `range` is the input with the diagonals' range, for versions 2 and 3.
TF_Output DiagonalsOfDy(RuleContext& c, int range) {
  graph::OpBuilder op = Sibling(c, c.ops(), "MatrixDiagPart");
  op.In(c.Dy());
  if (Version(c) > 1) op.In(c.X(range)).In(c.ops().Scalar(c.InputType(0), 0));
  return op.Out();
}

// Returns `matrix` with other diagonals.
TF_Output WithDiagonals(RuleContext& c, TF_Output matrix, TF_Output diagonals, int range) {
  graph::OpBuilder op = Sibling(c, c.ops(), "MatrixSetDiag");
  op.In(matrix).In(diagonals);
  if (Version(c) > 1) op.In(c.X(range));
  return op.Out();
}

// Inputs (diagonals[, range, rows, columns, padding]).
void MatrixDiag(RuleContext& c) {
  if (c.num_inputs() > 4 && c.Needs(4)) c.Refuse("with respect to the padding");
  c.Set(0, DiagonalsOfDy(c, 1));
}

// Inputs (matrix[, range, padding]).
void MatrixDiagPart(RuleContext& c) {
  if (c.num_inputs() > 2 && c.Needs(2)) c.Refuse("with respect to the padding");
  const Ops& f = c.forward_ops();
  if (Version(c) == 1) {
    c.Set(0, WithDiagonals(c, f.ZerosLike(c.Input(0)), c.Dy(), 1));
    return;
  }
  // TensorFlow's inference of shapes refuses MatrixSetDiagV2 and V3 in a batch of unknown size, and takes an
  // unknown size of a MatrixDiagV2 or V3 for the smallest possible. The inference needs a constant range, and
  // does not look into a PlaceholderWithDefault.
  const TF_Output range =
      f.Op("PlaceholderWithDefault").In(c.Input(1)).AttrShape("shape", c.InputShape(1)).Out();
  const TF_Output dims = f.ShapeOf(c.Input(0));
  const TF_Output rows = f.Product(f.SliceVector(dims, -2, -1));
  const TF_Output columns = f.Product(f.SliceVector(dims, -1, 0));
  graph::OpBuilder op = Sibling(c, c.ops(), "MatrixDiag");
  op.In(c.Dy()).In(range).In(rows).In(columns).In(c.ops().Scalar(c.InputType(0), 0));
  c.Set(0, c.ReshapeLikeX(op.Out(), 0));
}

// Inputs (matrix, diagonals[, range]).
void MatrixSetDiag(RuleContext& c) {
  if (c.Needs(0)) c.Set(0, WithDiagonals(c, c.Dy(), c.forward_ops().ZerosLike(c.Input(1)), 2));
  if (c.Needs(1)) c.Set(1, DiagonalsOfDy(c, 2));
}

void Diag(RuleContext& c) { c.Set(0, c.ops().Unary("DiagPart", c.Dy())); }
void DiagPart(RuleContext& c) { c.Set(0, c.ops().Unary("Diag", c.Dy())); }

void MatrixBandPart(RuleContext& c) {
  c.Set(0, c.ops().Op("MatrixBandPart").In(c.Dy()).In(c.X(1)).In(c.X(2)).Out());
}

}  // namespace

void AddDiagonalRules(Registry* registry) {
  for (const std::string version : {"", "V2", "V3"}) {
    registry->Add("MatrixDiag" + version, MatrixDiag);
    registry->Add("MatrixDiagPart" + version, MatrixDiagPart);
    registry->Add("MatrixSetDiag" + version, MatrixSetDiag);
    registry->ForComplex({"MatrixDiag" + version, "MatrixDiagPart" + version, "MatrixSetDiag" + version});
  }
  registry->Add("Diag", Diag);
  registry->Add("DiagPart", DiagPart);
  registry->Add("MatrixBandPart", MatrixBandPart);
  registry->ForComplex({"Diag", "DiagPart", "MatrixBandPart"});
}

}  // namespace ke::gradient
