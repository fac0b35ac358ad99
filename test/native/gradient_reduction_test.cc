#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

std::vector<GradientCase> ReductionCases() {
  std::vector<GradientCase> cases;
  const auto reduce = [&](const std::string& type, const std::vector<int64_t>& shape,
                          const std::vector<int32_t>& axes, bool keep_dims) {
    GradientCase test;
    test.name = type + "_" + std::to_string(cases.size());
    test.args = {{shape}};
    test.build = [=](graph::Scope& s, const Tensors& x) -> Tensors {
      return {s.Op(type).In(x[0]).In(s.Const(axes)).AttrBool("keep_dims", keep_dims).Out()};
    };
    cases.push_back(test);
  };
  for (const char* type : {"Sum", "Mean", "Max", "Min", "Prod", "EuclideanNorm"}) {
    for (const bool keep_dims : {false, true}) {
      reduce(type, {2, 3, 2}, {0, 1, 2}, keep_dims);
      reduce(type, {2, 3, 2}, {1}, keep_dims);
      reduce(type, {2, 3, 2}, {-1, 0}, keep_dims);
      reduce(type, {2, 2, 3, 2}, {2, -3}, keep_dims);
    }
    reduce(type, {3}, {0}, false);
    reduce(type, {2, 3}, {}, false);
  }
  // Axes that are not constant when the tape is built.
  for (const char* type : {"Sum", "Mean", "Max"}) {
    cases.push_back(
        {std::string(type) + "FedAxes",
         {{{2, 3, 2}}, {{2}, 0, 0, {-1, 0}, TF_INT32}},
         [=](graph::Scope& s, const Tensors& x) -> Tensors { return {s.Op(type).In(x[0]).In(x[1]).Out()}; }});
  }
  cases.push_back(
      {"ProdWithZeros", {{{2, 3}, 0, 0, {0, 2, 3, 0, 0, 1}}}, [](graph::Scope& s, const Tensors& x) {
         return s.Op("Prod").In(x[0]).In(s.Const(std::vector<int32_t>{1})).Outs();
       }});
  cases.push_back(
      {"EuclideanNormOfZeros", {{{2, 3}, 0, 0, {0, 0, 0, 1, -2, 0}}}, [](graph::Scope& s, const Tensors& x) {
         return s.Op("EuclideanNorm").In(x[0]).In(s.Const(std::vector<int32_t>{1})).Outs();
       }});
  cases.push_back({"SumOfScalarAxis", {{{2, 3}}}, [](graph::Scope& s, const Tensors& x) {
                     return s.Op("Sum").In(x[0]).In(s.Const(-1)).Outs();
                   }});
  for (const bool exclusive : {false, true}) {
    for (const bool reverse : {false, true}) {
      cases.push_back({"Cumsum_" + std::to_string(exclusive) + std::to_string(reverse),
                       {{{2, 4}}},
                       [=](graph::Scope& s, const Tensors& x) {
                         return s.Op("Cumsum")
                             .In(x[0])
                             .In(s.Const(-1))
                             .AttrBool("exclusive", exclusive)
                             .AttrBool("reverse", reverse)
                             .Outs();
                       }});
    }
  }
  for (const char* type : {"Cumprod", "CumulativeLogsumexp"}) {
    for (const bool exclusive : {false, true}) {
      for (const bool reverse : {false, true}) {
        cases.push_back({std::string(type) + "_" + std::to_string(exclusive) + std::to_string(reverse),
                         {{{2, 4}, 0.5, 2}},
                         [=](graph::Scope& s, const Tensors& x) -> Tensors {
                           const TF_Output y = s.Op(type)
                                                   .In(x[0])
                                                   .In(s.Const(-1))
                                                   .AttrBool("exclusive", exclusive)
                                                   .AttrBool("reverse", reverse)
                                                   .Out();
                           // The exclusive logarithm of a sum begins with the lowest number.
                           return {s.Op("Exp").In(s.Op("Tanh").In(y).Out()).Out()};
                         }});
      }
    }
  }
  return cases;
}

class GradientOfReduction : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfReduction, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfReduction, ::testing::ValuesIn(ReductionCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
