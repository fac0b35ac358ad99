// Second derivatives: the ops of gradients have gradients themselves. Each case is the gradient of a sum of
// squares, so that no part of the gradient is constant.
#include <gtest/gtest.h>

#include "gradient/tape.h"
#include "gradient_check.h"

namespace ke::test {

namespace {

GradientCase Twice(GradientCase first) {
  first.name = "Twice" + first.name;
  first.build = [build = first.build](graph::Scope& s, const Tensors& x) {
    Tensors squares;
    for (const TF_Output& y : build(s, x)) squares.push_back(s.Op("Square").In(y).Out());
    return gradient::Gradient(&s, &s, squares, x, {}, {});
  };
  return first;
}

}  // namespace

std::vector<GradientCase> SecondOrderCases() {
  std::vector<GradientCase> cases;
  const Arg any = {{2, 4}, -4, 8};
  const Arg positive = {{2, 3}, 0.3, 3};
  for (const char* type : {"Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus"}) {
    cases.push_back(Twice(OneOp(type, {any})));
  }
  for (const char* type :
       {"Exp", "Log", "Sqrt", "Rsqrt", "Reciprocal", "Inv", "Erf", "Softmax", "LogSoftmax", "Square"}) {
    cases.push_back(Twice(OneOp(type, {positive})));
  }
  for (const char* type : {"Mul", "RealDiv", "Pow", "MatMul"}) {
    cases.push_back(Twice(OneOp(type, {{{2, 2}, 0.4, 2}, {{2, 2}, 0.4, 2}})));
  }
  const auto image = [&](const std::string& type, const std::vector<int64_t>& shape,
                         const std::vector<int64_t>& filter, const std::vector<int64_t>& strides,
                         const std::vector<int64_t>& window) {
    GradientCase test;
    test.name = type;
    test.args = {{shape}};
    test.build = [=](graph::Scope& s, const Tensors& x) {
      graph::OpBuilder op = s.Op(type);
      op.In(x[0]);
      if (!filter.empty()) {
        int64_t count = 1;
        for (const int64_t dim : filter) count *= dim;
        std::vector<double> values(count);
        for (int64_t i = 0; i < count; ++i) values[i] = static_cast<double>((i * 7) % 11) / 5 - 1;
        op.In(s.Const(tf::MakeTensor(TF_DOUBLE, filter, values.data()).get()));
      }
      if (!window.empty()) op.AttrInts("ksize", window);
      return op.AttrInts("strides", strides).AttrString("padding", "SAME").Outs();
    };
    cases.push_back(Twice(test));
  };
  image("Conv2D", {1, 4, 5, 2}, {3, 3, 2, 2}, {1, 2, 2, 1}, {});
  image("Conv3D", {1, 3, 3, 3, 1}, {2, 2, 2, 1, 2}, {1, 1, 1, 1, 1}, {});
  image("DepthwiseConv2dNative", {1, 4, 5, 2}, {3, 3, 2, 2}, {1, 1, 1, 1}, {});
  image("MaxPool", {1, 4, 5, 2}, {}, {1, 2, 2, 1}, {1, 2, 2, 1});
  image("AvgPool", {1, 4, 5, 2}, {}, {1, 2, 2, 1}, {1, 2, 2, 1});
  for (const char* type : {"MaxPool3D", "AvgPool3D"}) {
    image(type, {1, 4, 3, 2, 1}, {}, {1, 2, 2, 1, 1}, {1, 2, 2, 1, 1});
    cases.back().single = true;
    std::vector<double> values(1 * 4 * 3 * 2 * 1);
    for (size_t i = 0; i < values.size(); ++i) values[i] = 0.1 * static_cast<double>((i * 7) % values.size());
    cases.back().args[0].values = values;
  }
  for (const char* type : {"ResizeBilinear", "ResizeNearestNeighbor"}) {
    GradientCase test = {type, {{{1, 3, 4, 1}}}, [=](graph::Scope& s, const Tensors& x) {
                           return s.Op(type).In(x[0]).In(s.Const(std::vector<int32_t>{5, 6})).Outs();
                         }};
    test.single = true;
    test.step = 0.1;
    cases.push_back(Twice(test));
  }
  for (const char* type : {"Sum", "Mean", "Max"}) {
    cases.push_back(Twice({type, {{{2, 3}}}, [=](graph::Scope& s, const Tensors& x) {
                             return s.Op(type).In(x[0]).In(s.Const(std::vector<int32_t>{1})).Outs();
                           }}));
  }
  cases.push_back(Twice({"StridedSlice", {{{4, 3}}}, [](graph::Scope& s, const Tensors& x) {
                           return s.Op("StridedSlice")
                               .In(x[0])
                               .In(s.Const(std::vector<int32_t>{1, 0}))
                               .In(s.Const(std::vector<int32_t>{4, 2}))
                               .In(s.Const(std::vector<int32_t>{2, 1}))
                               .Outs();
                         }}));
  return cases;
}

class SecondGradient : public ::testing::TestWithParam<GradientCase> {};
TEST_P(SecondGradient, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, SecondGradient, ::testing::ValuesIn(SecondOrderCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
