#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

std::vector<GradientCase> ElementwiseCases() {
  const Arg any = {{2, 3}};
  const Arg positive = {{2, 3}, 0.3, 3};
  const Arg unit = {{2, 3}, -0.9, 0.9};
  const Arg above_one = {{2, 3}, 1.1, 3};
  std::vector<GradientCase> cases;
  for (const char* type : {"Identity", "Snapshot", "ZerosLike", "OnesLike", "Sign", "Floor", "Ceil",  "Round",
                           "Rint",     "Neg",      "Abs",       "Square",   "Exp",  "Expm1", "Sin",   "Cos",
                           "Erf",      "Erfc",     "Atan",      "Sinh",     "Cosh", "Asinh", "L2Loss"}) {
    cases.push_back(OneOp(type, {any}));
  }
  for (const char* type : {"Log", "Log1p", "Sqrt", "Rsqrt", "Reciprocal", "Inv", "Lgamma"}) {
    cases.push_back(OneOp(type, {positive}));
  }
  for (const char* type : {"Tan", "Asin", "Acos", "Atanh", "Erfinv"}) cases.push_back(OneOp(type, {unit}));
  cases.push_back(OneOp("Ndtri", {{{2, 3}, 0.1, 0.9}}));
  cases.push_back(OneOp("Acosh", {above_one}));
  cases.push_back(OneOp("Expm1", {{{2, 3}, -1e-3, 1e-3}}, nullptr, "NearZero"));

  cases.push_back(OneOp("CheckNumerics", {any},
                        [](graph::Scope&, graph::OpBuilder& op) { op.AttrString("message", "here"); }));
  cases.push_back(OneOp("CheckNumericsV2", {any},
                        [](graph::Scope&, graph::OpBuilder& op) { op.AttrString("message", "here"); }));
  cases.push_back(OneOp("EnsureShape", {any}, [](graph::Scope&, graph::OpBuilder& op) {
    op.AttrShape("shape", graph::Shape::Of({-1, 3}));
  }));
  cases.push_back(OneOp("PlaceholderWithDefault", {any}, [](graph::Scope&, graph::OpBuilder& op) {
    op.AttrShape("shape", graph::Shape::Of({-1, 3}));
  }));
  cases.push_back(
      OneOp("Cast", {any}, [](graph::Scope&, graph::OpBuilder& op) { op.AttrType("DstT", TF_DOUBLE); }));
  // The value is cast to float32 and back, so the precision is float32's: the gradient must have both casts
  // and nothing else.
  cases.push_back({"CastToSingle", {any}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                     const TF_Output narrow = s.Op("Cast").In(x[0]).AttrType("DstT", TF_FLOAT).Out();
                     return {s.Op("Cast").In(narrow).AttrType("DstT", TF_DOUBLE).Out()};
                   }});
  cases.back().step = 1e-1;
  cases.push_back({"CastToInteger", {any}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                     const TF_Output integer = s.Op("Cast").In(x[0]).AttrType("DstT", TF_INT32).Out();
                     return {s.Op("Cast").In(integer).AttrType("DstT", TF_DOUBLE).Out()};
                   }});
  // The form in which Keras saves swish: the product, and its operands beside it for the custom gradient.
  cases.push_back({"IdentityN", {any}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                     const TF_Output sigmoid = s.Op("Sigmoid").In(x[0]).Out();
                     const TF_Output swish = s.Op("Mul").In(x[0]).In(sigmoid).Out();
                     return {s.Op("IdentityN").InList({swish, x[0]}).Out(0)};
                   }});
  cases.push_back({"IdentityNOfTwo", {any, positive}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                     const Tensors both = s.Op("IdentityN").InList(x).Outs();
                     return {s.Op("Square").In(both[1]).Out(), both[0]};
                   }});
  // Finite differences do not stop at a StopGradient, so the stopped tensor has no slope here.
  // gradient_tape_test.cc has a stopped tensor with a slope.
  cases.push_back({"StopGradient", {positive}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                     const TF_Output stopped = s.Op("StopGradient").In(x[0]).Out();
                     return {s.Op("Neg").In(x[0]).Out(), s.Op("ZerosLike").In(stopped).Out()};
                   }});
  cases.push_back(OneOp("ClipByValue", {any, {{}, -1, -0.5}, {{}, 0.5, 1}}));

  // (2, 3) with itself, a vector, a scalar, and inner axes of size 1; both sides smaller than the result; and
  // a larger right side.
  const std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> broadcasts = {
      {{2, 3}, {2, 3}}, {{2, 3}, {3}}, {{}, {2, 3}}, {{2, 1}, {1, 3}}, {{3}, {2, 1, 3}}, {{1, 3}, {2, 3}}};
  const std::vector<std::string> binary = {"Add",        "AddV2",    "Sub",
                                           "Mul",        "RealDiv",  "Div",
                                           "DivNoNan",   "MulNoNan", "SquaredDifference",
                                           "Maximum",    "Minimum",  "FloorMod",
                                           "Pow",        "Xlogy",    "Xlog1py",
                                           "Xdivy",      "Atan2",    "FloorDiv",
                                           "TruncateDiv"};
  for (const std::string& type : binary) {
    // Values away from the points where the functions jump or have no derivative.
    const bool positive_only = type == "Pow" || type[0] == 'X' || type == "Div" || type == "RealDiv" ||
                               type == "DivNoNan" || type == "FloorMod" || type == "Atan2" ||
                               type == "FloorDiv" || type == "TruncateDiv";
    int variant = 0;
    for (const auto& [left, right] : broadcasts) {
      const double low = positive_only ? 0.4 : -2;
      cases.push_back(
          OneOp(type, {{left, low, 2}, {right, low, 2}}, nullptr, "_" + std::to_string(variant++)));
    }
  }
  cases.push_back(
      OneOp("Pow", {{{4}, 0, 0, {-2, -1, 0, 1.5}}, {{}, 0, 0, {2}, TF_DOUBLE}}, nullptr, "Squared"));
  cases.back().build = [](graph::Scope& s, const Tensors& x) -> Tensors {
    return {s.Op("Pow").In(x[0]).In(s.Scalar(TF_DOUBLE, 2)).Out()};
  };
  cases.back().args.resize(1);
  cases.push_back({"PowZero", {{{3}, 0, 0, {-1, 0, 2}}}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                     return {s.Op("Pow").In(x[0]).In(s.Scalar(TF_DOUBLE, 0)).Out()};
                   }});
  cases.push_back({"DivNoNanByZero", {{{3}}}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                     return {s.Op("DivNoNan").In(x[0]).In(s.Scalar(TF_DOUBLE, 0)).Out()};
                   }});
  cases.push_back(
      {"AccumulateNV2", {any, any}, [](graph::Scope& s, const Tensors& x) -> Tensors {
         return {
             s.Op("AccumulateNV2").InList({x[0], x[1]}).AttrShape("shape", graph::Shape::Of({2, 3})).Out()};
       }});
  cases.push_back({"AddN", {any, any, any}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                     return {s.Op("AddN").InList({x[0], x[1], x[2], x[0]}).Out()};
                   }});
  return cases;
}

class GradientOfElementwise : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfElementwise, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfElementwise, ::testing::ValuesIn(ElementwiseCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
