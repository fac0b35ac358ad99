#include <gtest/gtest.h>

#include "gradient_check.h"
#include "run_graph.h"

namespace ke::test {

namespace {

GradientCase Pool(const std::string& type, const std::vector<int64_t>& shape,
                  const std::vector<int64_t>& window, const std::vector<int64_t>& strides,
                  const std::string& padding, const std::vector<int64_t>& explicit_paddings = {}) {
  GradientCase test;
  std::string dims;
  for (const int64_t size : window) dims += std::to_string(size);
  for (const int64_t stride : strides) dims += std::to_string(stride);
  test.name = type + padding + dims;
  test.args = {{shape}};
  test.build = [=](graph::Scope& s, const Tensors& x) {
    graph::OpBuilder op = s.Op(type);
    op.In(x[0]).AttrString("padding", padding);
    if (type == "MaxPoolV2") {
      op.In(s.Const(std::vector<int32_t>(window.begin(), window.end())));
      op.In(s.Const(std::vector<int32_t>(strides.begin(), strides.end())));
      return op.Outs();
    }
    op.AttrInts("ksize", window).AttrInts("strides", strides);
    if (!explicit_paddings.empty()) op.AttrInts("explicit_paddings", explicit_paddings);
    return op.Outs();
  };
  return test;
}

}  // namespace

std::vector<GradientCase> PoolingCases() {
  std::vector<GradientCase> cases;
  for (const char* padding : {"SAME", "VALID"}) {
    for (const char* type : {"MaxPool", "MaxPoolV2", "AvgPool"}) {
      cases.push_back(Pool(type, {2, 4, 6, 2}, {1, 2, 2, 1}, {1, 2, 2, 1}, padding));
      cases.push_back(Pool(type, {1, 5, 6, 2}, {1, 3, 2, 1}, {1, 2, 1, 1}, padding));
    }
    for (const char* type : {"MaxPool3D", "AvgPool3D"}) {
      cases.push_back(Pool(type, {1, 4, 3, 4, 2}, {1, 2, 2, 2, 1}, {1, 2, 1, 2, 1}, padding));
      cases.back().single = true;
      // The values are further apart than two steps, so that a step never changes which element is the
      // maximum.
      if (cases.back().name[0] == 'M') {
        std::vector<double> values(1 * 4 * 3 * 4 * 2);
        for (size_t i = 0; i < values.size(); ++i)
          values[i] = 0.1 * static_cast<double>((i * 37) % values.size());
        cases.back().args[0].values = values;
      }
    }
  }
  // The second derivative of a max pooling is linear in its third input.
  for (const bool three_d : {false, true}) {
    const std::string type = three_d ? "MaxPool3D" : "MaxPool";
    const std::vector<int64_t> shape =
        three_d ? std::vector<int64_t>{1, 2, 3, 4, 1} : std::vector<int64_t>{1, 4, 4, 2};
    cases.push_back({type + "GradGrad", {{shape}}, [=](graph::Scope& s, const Tensors& x) -> Tensors {
                       const std::vector<int64_t> window =
                           three_d ? std::vector<int64_t>{1, 1, 2, 2, 1} : std::vector<int64_t>{1, 2, 2, 1};
                       const auto pool = [&](const std::string& op, const Tensors& inputs) {
                         graph::OpBuilder builder = s.Op(op);
                         for (const TF_Output& input : inputs) builder.In(input);
                         builder.AttrInts("ksize", window).AttrInts("strides", window);
                         return builder.AttrString("padding", "SAME").Out();
                       };
                       std::vector<float> values(ElementCount(shape));
                       for (size_t i = 0; i < values.size(); ++i)
                         values[i] = static_cast<float>(i * 7 % values.size());
                       const TF_Output image = s.Const(tf::MakeTensor(TF_FLOAT, shape, values.data()).get());
                       const TF_Output pooled = pool(type, {image});
                       return {pool(type + "GradGrad", {image, pooled, x[0]})};
                     }});
    cases.back().single = true;
  }
  cases.push_back(
      Pool("MaxPool", {1, 5, 4, 2}, {1, 3, 3, 1}, {1, 2, 2, 1}, "EXPLICIT", {0, 0, 1, 0, 1, 1, 0, 0}));
  cases.push_back(
      Pool("MaxPool", {1, 4, 4, 1}, {1, 2, 2, 1}, {1, 1, 1, 1}, "EXPLICIT", {0, 0, 1, 1, 0, 1, 0, 0}));
  for (const char* type : {"MaxPool", "AvgPool"}) {
    cases.push_back(Pool(type, {1, 2, 4, 6}, {1, 1, 2, 2}, {1, 1, 2, 2}, "VALID"));
    cases.back().name += "NCHW";
    cases.back().build = [type](graph::Scope& s, const Tensors& x) {
      return s.Op(type)
          .In(x[0])
          .AttrInts("ksize", {1, 1, 3, 2})
          .AttrInts("strides", {1, 1, 1, 2})
          .AttrString("padding", "SAME")
          .AttrString("data_format", "NCHW")
          .Outs();
    };
    cases.back().single = cases.back().needs_onednn = true;
    std::vector<double> values(1 * 2 * 4 * 6);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = 0.1 * static_cast<double>((i * 37) % values.size());
    cases.back().args[0].values = values;
  }
  return cases;
}

class GradientOfPooling : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfPooling, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfPooling, ::testing::ValuesIn(PoolingCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
