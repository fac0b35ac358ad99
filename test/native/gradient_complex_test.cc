// Complex numbers. The args and the results of each case are real: the parts of complex tensors.
#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

namespace {

using Ints = std::vector<int32_t>;
using Function = std::function<TF_Output(graph::Scope& s, const Tensors& z)>;

TF_Output Part(graph::Scope& s, const char* part, TF_Output z) {
  return s.Op(part).In(z).AttrType("Tout", TF_DOUBLE).Out();
}

// Returns a case of complex inputs of the given shapes.
GradientCase OfComplex(const std::string& name, const std::vector<std::vector<int64_t>>& shapes,
                       const Function& function, double low = 0.3, double high = 1.5) {
  GradientCase test;
  test.name = name;
  for (const auto& shape : shapes) {
    for (int part = 0; part < 2; ++part) test.args.push_back({shape, low, high});
  }
  test.build = [function](graph::Scope& s, const Tensors& x) -> Tensors {
    Tensors z;
    for (size_t i = 0; i < x.size(); i += 2) {
      z.push_back(s.Op("Complex").In(x[i]).In(x[i + 1]).AttrType("Tout", TF_COMPLEX128).Out());
    }
    const TF_Output y = function(s, z);
    if (graph::Scope::GetDType(y) == TF_DOUBLE) return {y};
    return {Part(s, "Real", y), Part(s, "Imag", y)};
  };
  return test;
}

GradientCase ComplexOp(const std::string& type, const std::vector<std::vector<int64_t>>& shapes,
                       const More& more = nullptr, const std::string& suffix = "") {
  return OfComplex("Complex" + type + suffix, shapes, [=](graph::Scope& s, const Tensors& z) {
    graph::OpBuilder op = s.Op(type);
    for (const TF_Output& input : z) op.In(input);
    if (more) more(s, op);
    return op.Out();
  });
}

void AddParts(std::vector<GradientCase>* cases) {
  cases->push_back(OfComplex("Parts", {{2, 3}}, [](graph::Scope&, const Tensors& z) { return z[0]; }));
  cases->push_back({"ComplexBroadcast", {{{2, 3}}, {{3}}}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                      const TF_Output z =
                          s.Op("Complex").In(x[0]).In(x[1]).AttrType("Tout", TF_COMPLEX128).Out();
                      return {Part(s, "Real", z), Part(s, "Imag", z)};
                    }});
  const auto real = [](graph::Scope&, graph::OpBuilder& op) { op.AttrType("Tout", TF_DOUBLE); };
  cases->push_back(ComplexOp("ComplexAbs", {{2, 3}}, real));
  cases->push_back(ComplexOp("Angle", {{2, 3}}, real));
  cases->push_back(ComplexOp("Conj", {{2, 3}}));
  cases->push_back(ComplexOp("ConjugateTranspose", {{2, 3, 2}},
                             [](graph::Scope& s, graph::OpBuilder& op) { op.In(s.Const(Ints{2, 0, 1})); }));
  // Casts between real and complex dtypes. A cast to a real dtype drops the imaginary part.
  cases->push_back({"CastToComplex", {{{2, 3}}}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                      const TF_Output z = s.Op("Cast").In(x[0]).AttrType("DstT", TF_COMPLEX128).Out();
                      const TF_Output square = s.Op("Square").In(z).Out();
                      return {s.Op("Cast").In(square).AttrType("DstT", TF_DOUBLE).Out()};
                    }});
}

void AddArithmetic(std::vector<GradientCase>* cases) {
  for (const char* type : {"Neg", "Square", "Exp", "Expm1", "Log", "Log1p", "Sin", "Cos", "Sqrt", "Rsqrt",
                           "Reciprocal", "Inv", "Identity", "Snapshot"}) {
    cases->push_back(ComplexOp(type, {{2, 2}}));
  }
  for (const char* type : {"AddV2", "Sub", "Mul", "RealDiv", "DivNoNan", "Pow"}) {
    cases->push_back(ComplexOp(type, {{2, 3}, {3}}));
  }
  cases->push_back(OfComplex("ComplexAddN", {{2}, {2}}, [](graph::Scope& s, const Tensors& z) {
    return s.Op("AddN").InList({z[0], z[1], z[0]}).Out();
  }));
  for (const char* type : {"Sum", "Mean", "Prod"}) {
    cases->push_back(
        ComplexOp(type, {{2, 3}}, [](graph::Scope& s, graph::OpBuilder& op) { op.In(s.Const(Ints{1})); }));
  }
  cases->push_back(
      ComplexOp("Cumsum", {{2, 3}}, [](graph::Scope& s, graph::OpBuilder& op) { op.In(s.Const(1)); }));
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      const std::string suffix = std::to_string(a) + std::to_string(b);
      cases->push_back(ComplexOp(
          "MatMul", {{2, 2}, {2, 2}},
          [=](graph::Scope&, graph::OpBuilder& op) {
            op.AttrBool("transpose_a", a).AttrBool("transpose_b", b);
          },
          suffix));
      cases->push_back(ComplexOp(
          "BatchMatMulV2", {{2, 2, 2}, {2, 2}},
          [=](graph::Scope&, graph::OpBuilder& op) { op.AttrBool("adj_x", a).AttrBool("adj_y", b); },
          suffix));
    }
  }
  cases->push_back(OfComplex("ComplexEinsum", {{2, 3}, {3, 2}}, [](graph::Scope& s, const Tensors& z) {
    return s.Op("Einsum").InList(z).AttrString("equation", "ab,bc->ca").Out();
  }));
  cases->push_back(OfComplex("ComplexMatrixInverse", {{2, 2}}, [](graph::Scope& s, const Tensors& z) {
    return s.Op("MatrixInverse").In(z[0]).AttrBool("adjoint", true).Out();
  }));
  cases->back().args[0].values = {2, 0.3, -0.2, 1.5};
  cases->push_back(ComplexOp("GatherNd", {{3, 2}}, [](graph::Scope& s, graph::OpBuilder& op) {
    op.In(s.Op("Reshape").In(s.Const(Ints{2, 0, 2})).In(s.Const(Ints{3, 1})).Out());
  }));
  cases->push_back(ComplexOp("ReverseV2", {{2, 3}},
                             [](graph::Scope& s, graph::OpBuilder& op) { op.In(s.Const(Ints{1})); }));
}

// `lengths` of inner axes: the input may have more elements than the transform takes.
GradientCase RealTransform(const std::string& type, const std::vector<int64_t>& shape, const Ints& lengths) {
  std::string name = type;
  for (const int32_t length : lengths) name += "_" + std::to_string(length);
  if (type[0] == 'I') {
    return OfComplex(name, {shape}, [=](graph::Scope& s, const Tensors& z) {
      return s.Op(type).In(z[0]).In(s.Const(lengths)).AttrType("Treal", TF_DOUBLE).Out();
    });
  }
  return {name, {{shape}}, [=](graph::Scope& s, const Tensors& x) -> Tensors {
            const TF_Output z =
                s.Op(type).In(x[0]).In(s.Const(lengths)).AttrType("Tcomplex", TF_COMPLEX128).Out();
            return {Part(s, "Real", z), Part(s, "Imag", z)};
          }};
}

void AddTransforms(std::vector<GradientCase>* cases) {
  for (const char* type : {"FFT", "IFFT"}) {
    cases->push_back(ComplexOp(type, {{2, 5}}));
    cases->push_back(ComplexOp(type + std::string("2D"), {{2, 2, 3}}));
    cases->push_back(ComplexOp(type + std::string("3D"), {{2, 2, 3}}));
  }
  for (const int32_t length : {4, 5}) {
    cases->push_back(RealTransform("RFFT", {2, 5}, {length}));
    cases->push_back(RealTransform("IRFFT", {2, 4}, {length}));
    cases->push_back(RealTransform("RFFT2D", {1, 3, 5}, {3, length}));
    cases->push_back(RealTransform("IRFFT2D", {1, 3, 3}, {2, length}));
    cases->push_back(RealTransform("RFFT3D", {2, 3, 5}, {2, 3, length}));
    cases->push_back(RealTransform("IRFFT3D", {2, 3, 3}, {2, 3, length}));
  }
}

}  // namespace

std::vector<GradientCase> ComplexCases() {
  std::vector<GradientCase> cases;
  AddParts(&cases);
  AddArithmetic(&cases);
  AddTransforms(&cases);
  return cases;
}

class GradientOfComplex : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfComplex, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfComplex, ::testing::ValuesIn(ComplexCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
