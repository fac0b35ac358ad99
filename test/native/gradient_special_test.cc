#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

std::vector<GradientCase> SpecialCases() {
  std::vector<GradientCase> cases;
  const Arg any = {{2, 3}};
  const Arg positive = {{2, 3}, 0.4, 3};
  for (const char* type :
       {"BesselI0", "BesselI0e", "BesselI1", "BesselI1e", "BesselJ0", "BesselJ1", "Dawsn"}) {
    cases.push_back(OneOp(type, {any}));
  }
  for (const char* type : {"BesselI1", "BesselI1e", "BesselJ1"}) {
    cases.push_back(OneOp(type, {{{3}, 0, 0, {0, 1, -1}}}, nullptr, "AtZero"));
  }
  for (const char* type : {"BesselK0", "BesselK0e", "BesselK1", "BesselK1e", "BesselY0", "BesselY1",
                           "Digamma", "Expint", "FresnelCos", "FresnelSin", "Spence"}) {
    cases.push_back(OneOp(type, {positive}));
  }
  cases.push_back(OneOp("Spence", {{{3}, 0, 0, {1, 0.5, 2}}}, nullptr, "AtOne"));
  cases.back().tolerance = 1e-4;
  const Arg row = {{3}, 0.4, 3};
  for (const char* type : {"Igamma", "Igammac"}) {
    cases.push_back(OneOp(type, {positive, row}));
    cases.push_back(OneOp(type, {row, positive}, nullptr, "Wider"));
  }
  // The other inputs of these functions have no derivative by a formula. They are constants.
  const auto last = [&](const std::string& type, const Arg& x, const std::vector<double>& first,
                        const std::string& suffix = "") {
    cases.push_back(
        {type + suffix, {x}, [=](graph::Scope& s, const Tensors& inputs) {
           graph::OpBuilder op = s.Op(type);
           for (const double value : first) {
             const TF_Output scalar = s.Scalar(TF_DOUBLE, value);
             // Betainc takes tensors of one shape.
             op.In(first.size() < 2
                       ? scalar
                       : s.Op("BroadcastTo").In(scalar).In(s.Op("Shape").In(inputs[0]).Out()).Out());
           }
           return op.In(inputs[0]).Outs();
         }});
  };
  last("Polygamma", positive, {1});
  last("Polygamma", positive, {3}, "OfOrder3");
  last("Zeta", {{2, 3}, 1.2, 3}, {2.5});
  last("Betainc", {{2, 3}, 0.1, 0.9}, {2, 3});
  last("Betainc", {{2, 3}, 0.1, 0.9}, {1, 1}, "Uniform");
  cases.push_back({"NextAfter", {any, {{3}, 3, 4}}, [](graph::Scope& s, const Tensors& x) {
                     return s.Op("NextAfter").In(x[0]).In(x[1]).Outs();
                   }});
  return cases;
}

class GradientOfSpecial : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfSpecial, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfSpecial, ::testing::ValuesIn(SpecialCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
