// Crops, patches, colours, and ops that rank elements.
#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

namespace {

using Ints = std::vector<int32_t>;

// Values in steps of `gap`, in a mixed order.
Arg Apart(const std::vector<int64_t>& shape, double gap) {
  Arg arg = {shape};
  int64_t count = 1;
  for (const int64_t dim : shape) count *= dim;
  for (int64_t i = 0; i < count; ++i) {
    arg.values.push_back(gap * static_cast<double>((i * 37) % count - count / 2));
  }
  return arg;
}

Arg Boxes() { return {{2, 4}, 0, 0, {0.1, 0.15, 0.83, 0.92, 0.05, 0.2, 0.6, 0.7}, TF_FLOAT}; }

void AddCrops(std::vector<GradientCase>* cases) {
  for (const char* method : {"bilinear", "nearest"}) {
    const auto crop = [=](graph::Scope& s, TF_Output image, TF_Output boxes) {
      return s.Op("CropAndResize")
          .In(image)
          .In(boxes)
          .In(s.Const(Ints{1, 0}))
          .In(s.Const(Ints{3, 4}))
          .AttrString("method", method)
          .Outs();
    };
    const bool bilinear = method[0] == 'b';
    GradientCase test = {std::string("CropAndResize") + method, {{{2, 4, 5, 2}}}, {}};
    test.single = true;
    if (bilinear) test.args.push_back(Boxes());
    test.build = [=](graph::Scope& s, const Tensors& x) {
      return crop(
          s, x[0],
          bilinear
              ? x[1]
              : s.Const(tf::MakeTensor(
                            TF_FLOAT, {2, 4},
                            std::vector<float>{0.1F, 0.15F, 0.83F, 0.92F, 0.05F, 0.2F, 0.6F, 0.7F}.data())
                            .get()));
    };
    test.step = 1e-3;
    test.tolerance = 1e-2;
    cases->push_back(test);
  }
  for (const bool antialias : {false, true}) {
    for (const char* kernel : {"triangle", "lanczos3", "keyscubic"}) {
      cases->push_back({std::string("ScaleAndTranslate") + kernel + std::to_string(antialias),
                        {{{1, 5, 6, 2}}},
                        [=](graph::Scope& s, const Tensors& x) {
                          const std::vector<float> scale = {0.6F, 1.4F};
                          const std::vector<float> shift = {0.2F, -0.3F};
                          return s.Op("ScaleAndTranslate")
                              .In(x[0])
                              .In(s.Const(Ints{4, 7}))
                              .In(s.Const(tf::MakeTensor(TF_FLOAT, {2}, scale.data()).get()))
                              .In(s.Const(tf::MakeTensor(TF_FLOAT, {2}, shift.data()).get()))
                              .AttrString("kernel_type", kernel)
                              .AttrBool("antialias", antialias)
                              .Outs();
                        }});
      cases->back().single = true;
    }
  }
}

void AddWindows(std::vector<GradientCase>* cases) {
  for (const char* padding : {"SAME", "VALID"}) {
    for (const int64_t rate : {1, 2}) {
      cases->push_back(OneOp(
          "ExtractImagePatches", {{{2, 5, 6, 2}}},
          [=](graph::Scope&, graph::OpBuilder& op) {
            op.AttrInts("ksizes", {1, 2, 3, 1})
                .AttrInts("strides", {1, 1, 2, 1})
                .AttrInts("rates", {1, rate, 1, 1})
                .AttrString("padding", padding);
          },
          padding + std::to_string(rate)));
    }
    cases->push_back(OneOp(
        "ExtractVolumePatches", {{{2, 3, 4, 3, 2}}},
        [=](graph::Scope&, graph::OpBuilder& op) {
          op.AttrInts("ksizes", {1, 2, 2, 3, 1})
              .AttrInts("strides", {1, 1, 2, 1, 1})
              .AttrString("padding", padding);
        },
        padding));
    cases->push_back(OneOp(
        "Dilation2D",
        {Apart({1, 4, 5, 2}, 0.1),
         {{2, 3, 2},
          0,
          0,
          {0.01, 0.02, -0.01, 0.03, 0.04, 0.015, -0.02, 0.035, 0.005, 0.012, 0.022, -0.032}}},
        [=](graph::Scope&, graph::OpBuilder& op) {
          op.AttrInts("strides", {1, 2, 1, 1}).AttrInts("rates", {1, 1, 1, 1}).AttrString("padding", padding);
        },
        padding));
    for (const bool batch : {false, true}) {
      cases->push_back({"MaxPoolWithArgmax" + std::string(padding) + std::to_string(batch),
                        {Apart({2, 4, 5, 2}, 0.1)},
                        [=](graph::Scope& s, const Tensors& x) -> Tensors {
                          return {s.Op("MaxPoolWithArgmax")
                                      .In(x[0])
                                      .AttrInts("ksize", {1, 2, 3, 1})
                                      .AttrInts("strides", {1, 2, 2, 1})
                                      .AttrString("padding", padding)
                                      .AttrBool("include_batch_in_index", batch)
                                      .Out()};
                        }});
    }
  }
  for (const char* type : {"FractionalMaxPool", "FractionalAvgPool"}) {
    for (const bool overlapping : {false, true}) {
      cases->push_back({std::string(type) + std::to_string(overlapping),
                        {Apart({2, 6, 7, 2}, 0.1)},
                        [=](graph::Scope& s, const Tensors& x) -> Tensors {
                          return {s.Op(type)
                                      .In(x[0])
                                      .AttrFloats("pooling_ratio", {1.0F, 1.5F, 1.4F, 1.0F})
                                      .AttrBool("overlapping", overlapping)
                                      .AttrBool("deterministic", true)
                                      .AttrInt("seed", 7)
                                      .AttrInt("seed2", 11)
                                      .Out()};
                        }});
    }
  }
}

void AddColors(std::vector<GradientCase>* cases) {
  // Every order of the channels.
  const Arg rgb = {
      {6, 3},    0,
      0,         {0.2, 0.5, 0.9, 0.2, 0.9, 0.5, 0.5, 0.2, 0.9, 0.5, 0.9, 0.2, 0.9, 0.2, 0.5, 0.9, 0.5, 0.2},
      TF_DOUBLE, {1}};
  const Arg hsv = {
      {6, 3},
      0,
      0,
      {0.1, 0.5, 0.9, 0.22, 0.9, 0.5, 0.4, 0.2, 0.9, 0.6, 0.9, 0.2, 0.75, 0.2, 0.5, 0.95, 0.5, 0.2},
      TF_DOUBLE,
      {1}};
  cases->push_back(OneOp("RGBToHSV", {rgb}));
  cases->push_back(OneOp("HSVToRGB", {hsv}));
}

void AddOrders(std::vector<GradientCase>* cases) {
  Arg last_known = Apart({2, 6}, 0.1);
  last_known.static_axes = {1};
  cases->push_back(
      OneOp("ApproxTopK", {last_known}, [](graph::Scope&, graph::OpBuilder& op) { op.AttrInt("k", 2); }));
  cases->back().single = true;
  for (const bool reverse : {false, true}) {
    cases->push_back({"NthElement" + std::to_string(reverse),
                      {Apart({2, 5}, 0.3)},
                      [=](graph::Scope& s, const Tensors& x) {
                        return s.Op("NthElement").In(x[0]).In(s.Const(1)).AttrBool("reverse", reverse).Outs();
                      }});
  }
  cases->push_back({"IsotonicRegression",
                    {{{2, 5}, 0, 0, {3, 1, 2, 0.5, 0.7, 5, 4, 4.5, 1, -2}}},
                    [](graph::Scope& s, const Tensors& x) -> Tensors {
                      return {s.Op("IsotonicRegression").In(x[0]).AttrType("output_dtype", TF_DOUBLE).Out()};
                    }});
  cases->push_back(OneOp("Cross", {{{2, 3}}, {{2, 3}}}));
}

void AddLosses(std::vector<GradientCase>* cases) {
  // The op takes labels whose sum is 1.
  cases->push_back({"SoftmaxCrossEntropyWithLogitsAndItsDerivative",
                    {{{2, 3}}, {{2, 3}}},
                    [](graph::Scope& s, const Tensors& x) {
                      const TF_Output labels = s.Op("Softmax").In(x[1]).Out();
                      return s.Op("SoftmaxCrossEntropyWithLogits").In(x[0]).In(labels).Outs();
                    }});
  cases->push_back(OneOp("SparseSoftmaxCrossEntropyWithLogits", {{{2, 3}}, {{2}, 0, 0, {2, 0}, TF_INT32}},
                         nullptr, "AndItsDerivative"));
  cases->push_back({"CTCLoss", {{{5, 2, 4}}}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                      const std::vector<int64_t> indices = {0, 0, 0, 1, 1, 0};
                      return {s.Op("CTCLoss")
                                  .In(x[0])
                                  .In(s.Const(tf::MakeTensor(TF_INT64, {3, 2}, indices.data()).get()))
                                  .In(s.Const(Ints{0, 2, 1}))
                                  .In(s.Const(Ints{5, 4}))
                                  .Out()};
                    }});
  // The kernel adds logarithms in float32.
  cases->back().single_inside = true;
  cases->back().step = 1e-2;
}

}  // namespace

std::vector<GradientCase> ImageCases() {
  std::vector<GradientCase> cases;
  AddCrops(&cases);
  AddWindows(&cases);
  AddColors(&cases);
  AddOrders(&cases);
  AddLosses(&cases);
  return cases;
}

class GradientOfImage : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfImage, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfImage, ::testing::ValuesIn(ImageCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
