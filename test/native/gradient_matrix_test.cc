// Linear algebra, and the diagonals of matrices.
#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

namespace {

using Ints = std::vector<int32_t>;
using Function = std::function<Tensors(graph::Scope& s, TF_Output a, const Tensors& more)>;

// Returns an arg of matrices whose sizes are static. The batch is not.
Arg Matrices(const std::vector<int64_t>& shape) {
  Arg arg = {shape};
  const auto rank = static_cast<int>(shape.size());
  arg.static_axes = {rank - 2, rank - 1};
  return arg;
}

// Returns x + factor * I.
TF_Output Shifted(graph::Scope& s, TF_Output x, double factor) {
  const TF_Output diagonal = s.Op("MatrixDiagPart").In(x).Out();
  const TF_Output more = s.Op("AddV2").In(diagonal).In(s.Scalar(TF_DOUBLE, factor)).Out();
  return s.Op("MatrixSetDiag").In(x).In(more).Out();
}

// A case of a matrix that is far from singular, or symmetric and positive definite, for any x.
GradientCase Of(const std::string& name, const std::vector<Arg>& args, bool definite,
                const Function& function) {
  return {name, args, [=](graph::Scope& s, const Tensors& x) {
            const TF_Output a =
                definite
                    ? Shifted(s, s.Op("BatchMatMulV2").In(x[0]).In(x[0]).AttrBool("adj_y", true).Out(), 1)
                    : Shifted(s, x[0], 9);
            return function(s, a, x);
          }};
}

Tensors Pick(const Tensors& outputs, const std::vector<int>& picks) {
  Tensors picked;
  for (const int i : picks) picked.push_back(outputs[i]);
  return picked;
}

Tensors Squares(graph::Scope& s, const Tensors& tensors) {
  Tensors squares;
  for (const TF_Output& tensor : tensors) squares.push_back(s.Op("Square").In(tensor).Out());
  return squares;
}

void AddSystems(std::vector<GradientCase>* cases) {
  const Arg a = Matrices({2, 3, 3});
  const Arg b = Matrices({2, 3, 2});
  for (const bool adjoint : {false, true}) {
    const std::string suffix = adjoint ? "Adjoint" : "";
    cases->push_back(
        Of("MatrixInverse" + suffix, {a}, false, [=](graph::Scope& s, TF_Output m, const Tensors&) {
          return s.Op("MatrixInverse").In(m).AttrBool("adjoint", adjoint).Outs();
        }));
    cases->push_back(
        Of("MatrixSolve" + suffix, {a, b}, false, [=](graph::Scope& s, TF_Output m, const Tensors& x) {
          return s.Op("MatrixSolve").In(m).In(x[1]).AttrBool("adjoint", adjoint).Outs();
        }));
    for (const bool lower : {false, true}) {
      const std::string form = suffix + (lower ? "Lower" : "Upper");
      const auto solve = [=](const char* type) {
        return [=](graph::Scope& s, TF_Output m, const Tensors& x) {
          return s.Op(type).In(m).In(x[1]).AttrBool("adjoint", adjoint).AttrBool("lower", lower).Outs();
        };
      };
      const Function triangular = solve("MatrixTriangularSolve");
      cases->push_back(Of("MatrixTriangularSolve" + form, {a, b}, false, triangular));
      cases->push_back(Of("MatrixTriangularSolveBroadcast" + form, {Matrices({3, 3}), b}, false, triangular));
      // The first row (of an upper matrix) or the last row (of a lower one) is the main diagonal.
      Arg bands = Matrices({2, 2, 3});
      for (int i = 0; i < 12; ++i) bands.values.push_back(1.5 + 0.25 * (i * 5 % 12));
      cases->push_back({"BandedTriangularSolve" + form, {bands, b}, [=](graph::Scope& s, const Tensors& x) {
                          return solve("BandedTriangularSolve")(s, x[0], x);
                        }});
    }
  }
  cases->push_back(Of("MatrixDeterminant", {a}, false, [](graph::Scope& s, TF_Output m, const Tensors&) {
    return s.Op("MatrixDeterminant").In(m).Outs();
  }));
  cases->push_back(Of("LogMatrixDeterminant", {a}, false, [](graph::Scope& s, TF_Output m, const Tensors&) {
    return s.Op("LogMatrixDeterminant").In(m).Outs();
  }));
  cases->push_back(Of("MatrixSquareRoot", {a}, true, [](graph::Scope& s, TF_Output m, const Tensors&) {
    return s.Op("MatrixSquareRoot").In(m).Outs();
  }));
  for (const auto& shape : std::vector<std::vector<int64_t>>{{2, 4, 2}, {2, 2, 4}, {3, 3}}) {
    const std::string name = std::to_string(shape[shape.size() - 2]) + std::to_string(shape.back());
    Arg rows = Matrices(shape);
    Arg right = Matrices(shape);
    cases->push_back({"MatrixSolveLs" + name, {rows, right}, [](graph::Scope& s, const Tensors& x) {
                        return s.Op("MatrixSolveLs").In(x[0]).In(x[1]).In(s.Scalar(TF_DOUBLE, 0.5)).Outs();
                      }});
  }
  const Arg diagonal = Matrices({2, 1, 3});
  cases->push_back(OneOp("TridiagonalMatMul", {diagonal, diagonal, diagonal, b}));
  Arg diagonals = Matrices({2, 3, 3});
  diagonals.values = {1, -1, 2, 8, 9, 7, 1, 2, -1, 0.5, 1, -1, 7, 8, 9, -1, 1, 0.5};
  cases->push_back(OneOp("TridiagonalSolve", {diagonals, b}));
}

void AddDecompositions(std::vector<GradientCase>* cases) {
  cases->push_back(
      Of("Cholesky", {Matrices({2, 3, 3})}, true,
         [](graph::Scope& s, TF_Output m, const Tensors&) { return s.Op("Cholesky").In(m).Outs(); }));
  for (const bool vectors : {false, true}) {
    // The squares of the vectors do not depend on the vectors' signs.
    const std::string suffix = vectors ? "Vectors" : "";
    Arg apart = Matrices({1, 3, 3});
    apart.values = {5, 0.3, -0.2, 0.4, 2, 0.1, -0.3, 0.2, -1};
    cases->push_back({"SelfAdjointEigV2" + suffix, {apart}, [=](graph::Scope& s, const Tensors& x) {
                        const Tensors all =
                            s.Op("SelfAdjointEigV2").In(x[0]).AttrBool("compute_v", vectors).Outs();
                        return vectors ? Tensors{all[0], Squares(s, {all[1]})[0]} : Tensors{all[0]};
                      }});
    cases->push_back(
        {"Eig" + suffix, {apart}, [=](graph::Scope& s, const Tensors& x) {
           const Tensors all =
               s.Op("Eig").In(x[0]).AttrBool("compute_v", vectors).AttrType("Tout", TF_COMPLEX128).Outs();
           Tensors sizes;
           for (int i = 0; i < (vectors ? 2 : 1); ++i) {
             sizes.push_back(s.Op("ComplexAbs").In(all[i]).AttrType("Tout", TF_DOUBLE).Out());
           }
           return sizes;
         }});
    for (const auto& [rows, columns, full] : std::vector<std::tuple<int64_t, int64_t, bool>>{
             {3, 3, false}, {2, 3, false}, {3, 2, false}, {2, 3, true}, {3, 2, true}, {2, 4, false}}) {
      Arg matrix = Matrices({1, rows, columns});
      for (int64_t i = 0; i < rows * columns; ++i) {
        matrix.values.push_back(i % (columns + 1) == 0 ? 3.0 - static_cast<double>(i) / 3
                                                       : 0.2 * static_cast<double>(i * 7 % 5) - 0.4);
      }
      const std::string name = std::to_string(rows) + std::to_string(columns) + (full ? "Full" : "");
      cases->push_back(
          {"Svd" + name + suffix, {matrix}, [=, is_full = full](graph::Scope& s, const Tensors& x) {
             const Tensors all = s.Op("Svd")
                                     .In(x[0])
                                     .AttrBool("compute_uv", vectors)
                                     .AttrBool("full_matrices", is_full)
                                     .Outs();
             if (!vectors) return Pick(all, {0});
             const Tensors squares = Squares(s, {all[1], all[2]});
             return Tensors{all[0], squares[0], squares[1]};
           }});
    }
  }
  for (const auto& [rows, columns, full] : std::vector<std::tuple<int64_t, int64_t, bool>>{
           {3, 3, false}, {4, 2, false}, {2, 4, false}, {3, 3, true}, {2, 4, true}}) {
    const std::string name = std::to_string(rows) + std::to_string(columns) + (full ? "Full" : "");
    Arg matrix = Matrices({1, rows, columns});
    for (int64_t i = 0; i < rows * columns; ++i) {
      matrix.values.push_back(i % (columns + 1) == 0 ? 2.0 : 0.3 * static_cast<double>(i * 7 % 5) - 0.5);
    }
    cases->push_back({"Qr" + name, {matrix}, [=, is_full = full](graph::Scope& s, const Tensors& x) {
                        return s.Op("Qr").In(x[0]).AttrBool("full_matrices", is_full).Outs();
                      }});
  }
}

void AddDiagonals(std::vector<GradientCase>* cases) {
  cases->push_back(OneOp("Diag", {{{2, 3}}}));
  cases->push_back(OneOp("DiagPart", {{{2, 3, 2, 3}}}));
  cases->push_back(OneOp("MatrixDiag", {{{2, 3}}}));
  cases->push_back(OneOp("MatrixDiagPart", {{{2, 3, 3}}}));
  cases->push_back(OneOp("MatrixDiagPart", {{{2, 2, 3}}}, nullptr, "Wide"));
  cases->push_back(OneOp("MatrixSetDiag", {{{2, 3, 2}}, {{2, 2}}}));
  for (const std::string version : {"V2", "V3"}) {
    for (const char* align : {"RIGHT_LEFT", "LEFT_RIGHT", "LEFT_LEFT"}) {
      if (version == "V2" && align[0] != 'R') continue;
      const auto aligned = [=](graph::OpBuilder& op) {
        if (version == "V3") op.AttrString("align", align);
      };
      const std::string name = version + align;
      // TensorFlow's inference of shapes refuses several diagonals in a batch of unknown size.
      const auto all_static = [](const std::vector<int64_t>& shape) -> Arg {
        return {shape, -2, 2, {}, TF_DOUBLE, {0, 1, 2}};
      };
      // Two diagonals of different lengths.
      cases->push_back({"MatrixDiag" + name,
                        {{{2, 2, 3}, -2, 2, {}, TF_DOUBLE, {1, 2}}},
                        [=](graph::Scope& s, const Tensors& x) {
                          graph::OpBuilder op = s.Op("MatrixDiag" + version);
                          op.In(x[0]).In(s.Const(Ints{-1, 0})).In(s.Const(3)).In(s.Const(4));
                          aligned(op.In(s.Scalar(TF_DOUBLE, 0)));
                          return op.Outs();
                        }});
      cases->push_back({"MatrixDiagPart" + name, {{{2, 3, 4}}}, [=](graph::Scope& s, const Tensors& x) {
                          graph::OpBuilder op = s.Op("MatrixDiagPart" + version);
                          aligned(op.In(x[0]).In(s.Const(Ints{-1, 1})).In(s.Scalar(TF_DOUBLE, 7)));
                          return op.Outs();
                        }});
      cases->push_back({"MatrixSetDiag" + name,
                        {all_static({2, 3, 4}), all_static({2, 3, 3})},
                        [=](graph::Scope& s, const Tensors& x) {
                          graph::OpBuilder op = s.Op("MatrixSetDiag" + version);
                          aligned(op.In(x[0]).In(x[1]).In(s.Const(Ints{-1, 1})));
                          return op.Outs();
                        }});
    }
  }
  cases->push_back({"MatrixBandPart", {{{2, 3, 4}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("MatrixBandPart").In(x[0]).In(s.Const(1)).In(s.Const(0)).Outs();
                    }});
}

}  // namespace

std::vector<GradientCase> MatrixCases() {
  std::vector<GradientCase> cases;
  AddSystems(&cases);
  AddDecompositions(&cases);
  AddDiagonals(&cases);
  return cases;
}

class GradientOfMatrix : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfMatrix, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfMatrix, ::testing::ValuesIn(MatrixCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
