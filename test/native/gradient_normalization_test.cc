#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

namespace {

GradientCase BatchNorm(const std::string& type, const std::string& format, bool training,
                       const std::vector<int64_t>& shape, int64_t channels) {
  GradientCase test;
  test.name = type + (format.empty() ? "Empty" : format) + (training ? "Training" : "Inference");
  test.args = {{shape}, {{channels}}, {{channels}}};
  if (!training) {
    test.args.push_back({{channels}});
    test.args.push_back({{channels}, 0.5, 2});
  }
  // The rank follows from the format, and every model has a static channel axis.
  test.args[0].static_axes = {format.size() > 1 && format[1] == 'C' ? 1 : static_cast<int>(shape.size()) - 1};
  test.single = true;
  test.build = [=](graph::Scope& s, const Tensors& x) -> Tensors {
    graph::OpBuilder op = s.Op(type);
    op.In(x[0]).In(x[1]).In(x[2]);
    const float empty = 0;
    for (int i = 3; i < 5; ++i) op.In(training ? s.Const(tf::MakeTensor(TF_FLOAT, {0}, &empty).get()) : x[i]);
    op.AttrFloat("epsilon", 0.1f).AttrBool("is_training", training);
    // If the attribute is left out, it is "NHWC". Some exporters write an empty text.
    if (!format.empty()) op.AttrString("data_format", format);
    return {op.Out()};
  };
  return test;
}

}  // namespace

std::vector<GradientCase> NormalizationCases() {
  std::vector<GradientCase> cases;
  for (const char* type : {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}) {
    for (const bool training : {false, true}) {
      cases.push_back(BatchNorm(type, "NHWC", training, {2, 3, 2, 3}, 3));
      cases.push_back(BatchNorm(type, "NCHW", training, {2, 3, 2, 2}, 3));
    }
  }
  cases.push_back(BatchNorm("FusedBatchNormV3", "", false, {2, 3, 2, 3}, 3));
  cases.push_back(BatchNorm("FusedBatchNormV3", "NDHWC", false, {2, 2, 3, 2, 3}, 3));
  cases.push_back(BatchNorm("FusedBatchNormV3", "NCDHW", false, {2, 3, 2, 3, 2}, 3));
  // Keras 2's layer normalisation: rows become channels, and the statistics are over a former row.
  cases.push_back(BatchNorm("FusedBatchNormV3", "NCHW", true, {1, 4, 6, 1}, 4));
  cases.back().name += "AsLayerNorm";

  struct Response {
    int radius;
    float bias, alpha, beta;
  };
  // Attributes other than the defaults. TensorFlow's C++ gradients are silently wrong for these.
  int number = 0;
  for (const Response& r : {Response{5, 1, 1, 0.5f}, {1, 2, 0.3f, 0.75f}, {2, 0.7f, 1e-1f, 1.2f}}) {
    cases.push_back(OneOp(
        "LRN", {{{1, 2, 2, 6}}},
        [=](graph::Scope&, graph::OpBuilder& op) {
          op.AttrInt("depth_radius", r.radius).AttrFloat("bias", r.bias);
          op.AttrFloat("alpha", r.alpha).AttrFloat("beta", r.beta);
        },
        "_" + std::to_string(number++)));
    cases.back().single = true;
  }
  return cases;
}

class GradientOfNormalization : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfNormalization, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfNormalization, ::testing::ValuesIn(NormalizationCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
