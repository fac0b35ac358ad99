#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

std::vector<GradientCase> ActivationCases() {
  const Arg any = {{2, 5}, -4, 8};
  std::vector<GradientCase> cases;
  for (const char* type : {"Relu", "Relu6", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Softsign"}) {
    cases.push_back(OneOp(type, {any}));
  }
  for (const float alpha : {0.2f, 0.0f, -0.5f, 1.5f}) {
    cases.push_back(OneOp(
        "LeakyRelu", {any}, [alpha](graph::Scope&, graph::OpBuilder& op) { op.AttrFloat("alpha", alpha); },
        "_" + std::to_string(cases.size())));
  }
  // TensorFlow's C++ gradient of LogSoftmax is silently wrong for a rank above 2.
  for (const char* type : {"Softmax", "LogSoftmax"}) {
    cases.push_back(OneOp(type, {{{4}}}, nullptr, "OfRank1"));
    cases.push_back(OneOp(type, {{{2, 4}}}, nullptr, "OfRank2"));
    cases.push_back(OneOp(type, {{{2, 3, 4}}}, nullptr, "OfRank3"));
    cases.push_back(OneOp(type, {{{2, 1, 3, 4}}}, nullptr, "OfRank4"));
  }
  cases.push_back(
      {"SoftmaxCrossEntropyWithLogits", {{{2, 3}}}, [](graph::Scope& s, const Tensors& x) -> Tensors {
         const TF_Output labels = s.Const(
             tf::MakeTensor(TF_DOUBLE, {2, 3}, std::vector<double>{0, 1, 0, .5, .25, .25}.data()).get());
         return {s.Op("SoftmaxCrossEntropyWithLogits").In(x[0]).In(labels).Out()};
       }});
  cases.push_back(
      {"SparseSoftmaxCrossEntropyWithLogits", {{{2, 3}}}, [](graph::Scope& s, const Tensors& x) -> Tensors {
         const TF_Output labels = s.Const(std::vector<int32_t>{2, 0});
         return {s.Op("SparseSoftmaxCrossEntropyWithLogits").In(x[0]).In(labels).Out()};
       }});
  return cases;
}

class GradientOfActivation : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfActivation, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfActivation, ::testing::ValuesIn(ActivationCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
