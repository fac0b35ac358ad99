#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

namespace {

struct Convolution {
  std::string type = "Conv2D";
  std::vector<int64_t> x;
  std::vector<int64_t> filter;
  std::vector<int64_t> strides;    // spatial
  std::vector<int64_t> dilations;  // spatial
  std::string padding;
  std::vector<int64_t> explicit_paddings = {};
  bool constant_filter = false;
  std::string data_format = "NHWC";
  bool onednn = false;  // only oneDNN has (float32) kernels
};

std::vector<int64_t> Full(const Convolution& conv, const std::vector<int64_t>& spatial) {
  std::vector<int64_t> full(1, 1);
  const bool channels_first = conv.data_format[1] == 'C';
  if (channels_first) full.push_back(1);
  full.insert(full.end(), spatial.begin(), spatial.end());
  if (!channels_first) full.push_back(1);
  return full;
}

GradientCase Case(const Convolution& conv, size_t number) {
  GradientCase test;
  test.name = conv.type + "_" + std::to_string(number);
  test.args = {{conv.x}};
  if (!conv.constant_filter) test.args.push_back({conv.filter});
  // With groups or dilations the filter is rotated. The filter's shape and the image's channels are then
  // static, as in every model.
  test.args[0].static_axes = {conv.data_format.back() == 'C' ? static_cast<int>(conv.x.size()) - 1 : 1};
  if (!conv.constant_filter) {
    for (size_t axis = 0; axis < conv.filter.size(); ++axis) {
      test.args[1].static_axes.push_back(static_cast<int>(axis));
    }
  }
  if (conv.onednn) {
    test.single = test.needs_onednn = true;
    test.step = 0.1;  // linear in each arg
  }
  test.build = [conv](graph::Scope& s, const Tensors& x) {
    TF_Output filter;
    if (conv.constant_filter) {
      int64_t count = 1;
      for (const int64_t dim : conv.filter) count *= dim;
      std::vector<double> values(count);
      for (int64_t i = 0; i < count; ++i) values[i] = static_cast<double>((i * 7) % 11) / 5 - 1;
      filter = s.Const(tf::MakeTensor(TF_DOUBLE, conv.filter, values.data()).get());
      if (conv.onednn) filter = s.Op("Cast").In(filter).AttrType("DstT", TF_FLOAT).Out();
    } else {
      filter = x[1];
    }
    graph::OpBuilder op = s.Op(conv.type);
    op.In(x[0]).In(filter).AttrInts("strides", Full(conv, conv.strides));
    op.AttrInts("dilations", Full(conv, conv.dilations)).AttrString("padding", conv.padding);
    op.AttrString("data_format", conv.data_format);
    if (!conv.explicit_paddings.empty()) op.AttrInts("explicit_paddings", conv.explicit_paddings);
    return op.Outs();
  };
  return test;
}

}  // namespace

std::vector<GradientCase> ConvolutionCases() {
  std::vector<Convolution> list;
  const auto add = [&](Convolution conv) { list.push_back(std::move(conv)); };
  for (const char* padding : {"SAME", "VALID"}) {
    add({"Conv2D", {2, 5, 4, 2}, {3, 3, 2, 3}, {1, 1}, {1, 1}, padding});
    add({"Conv2D", {2, 6, 5, 2}, {3, 2, 2, 3}, {2, 2}, {1, 1}, padding});
    add({"Conv2D", {1, 5, 5, 2}, {1, 1, 2, 3}, {2, 2}, {1, 1}, padding});
    // Images: filters whose size the stride divides, does not divide, or exceeds.
    add({"Conv2D", {1, 9, 8, 3}, {4, 3, 3, 2}, {2, 2}, {1, 1}, padding});
    add({"Conv2D", {2, 8, 9, 1}, {7, 5, 1, 2}, {2, 2}, {1, 1}, padding});
    add({"Conv2D", {1, 8, 8, 3}, {4, 4, 3, 2}, {4, 4}, {1, 1}, padding});
    add({"Conv2D", {1, 8, 7, 2}, {2, 1, 2, 2}, {3, 3}, {1, 1}, padding});
    // Dilations. TensorFlow's C++ gradients are silently wrong (SAME) or fail (VALID).
    add({"Conv2D", {1, 7, 6, 2}, {3, 3, 2, 2}, {1, 1}, {2, 2}, padding});
    add({"Conv2D", {1, 8, 6, 1}, {2, 3, 1, 2}, {1, 1}, {3, 2}, padding});
    add({"Conv2D", {1, 7, 7, 1}, {2, 2, 1, 2}, {1, 1}, {2, 1}, padding});
    // Groups.
    add({"Conv2D", {1, 4, 5, 4}, {3, 3, 2, 6}, {1, 1}, {1, 1}, padding, {}, true});
    add({"Conv2D", {1, 6, 5, 6}, {3, 2, 2, 3}, {2, 2}, {1, 1}, padding, {}, true});
    add({"Conv2D", {1, 7, 6, 4}, {2, 2, 1, 8}, {2, 1}, {1, 1}, padding, {}, true});
    add({"Conv2D", {1, 7, 7, 4}, {2, 2, 2, 4}, {1, 1}, {2, 2}, padding, {}, true});
    add({"DepthwiseConv2dNative", {2, 5, 4, 2}, {3, 3, 2, 2}, {1, 1}, {1, 1}, padding});
    add({"DepthwiseConv2dNative", {1, 6, 5, 3}, {3, 2, 3, 1}, {2, 2}, {1, 1}, padding});
    add({"Conv3D", {1, 3, 4, 3, 2}, {2, 3, 2, 2, 2}, {1, 1, 1}, {1, 1, 1}, padding, {}, false, "NDHWC"});
    add({"Conv3D", {1, 4, 4, 3, 1}, {2, 3, 2, 1, 2}, {2, 1, 2}, {1, 1, 1}, padding, {}, false, "NDHWC"});
  }
  add({"Conv2D", {1, 5, 4, 2}, {3, 3, 2, 2}, {1, 1}, {1, 1}, "EXPLICIT", {0, 0, 1, 2, 0, 1, 0, 0}});
  add({"Conv2D", {1, 6, 5, 2}, {3, 3, 2, 2}, {2, 2}, {1, 1}, "EXPLICIT", {0, 0, 1, 1, 2, 0, 0, 0}});
  add({"Conv2D", {1, 6, 6, 2}, {3, 3, 2, 2}, {1, 1}, {2, 2}, "EXPLICIT", {0, 0, 2, 1, 3, 2, 0, 0}});
  add({"Conv2D", {1, 7, 6, 3}, {5, 2, 3, 2}, {3, 3}, {1, 1}, "EXPLICIT", {0, 0, 2, 0, 1, 3, 0, 0}});
  add({"Conv2D", {1, 6, 6, 4}, {3, 3, 2, 2}, {2, 2}, {1, 1}, "EXPLICIT", {0, 0, 1, 0, 2, 1, 0, 0}, true});
  add({"DepthwiseConv2dNative",
       {1, 5, 4, 2},
       {3, 3, 2, 2},
       {1, 1},
       {1, 1},
       "EXPLICIT",
       {0, 0, 1, 2, 0, 1, 0, 0}});
  add({"DepthwiseConv2dNative",
       {1, 6, 5, 2},
       {3, 3, 2, 1},
       {2, 2},
       {1, 1},
       "EXPLICIT",
       {0, 0, 1, 1, 2, 0, 0, 0}});

  // Dilated and strided.
  add({"Conv2D", {1, 9, 8, 2}, {3, 2, 2, 2}, {2, 2}, {2, 2}, "VALID"});
  add({"Conv2D", {1, 9, 8, 2}, {3, 2, 2, 2}, {2, 2}, {2, 2}, "SAME"});
  for (const char* padding : {"SAME", "VALID"}) {
    add({"Conv3D", {1, 5, 6, 5, 2}, {2, 3, 2, 2, 1}, {1, 1, 1}, {2, 2, 2}, padding, {}, true, "NDHWC", true});
    add({"Conv3D", {1, 5, 4, 5, 2}, {2, 2, 2, 2, 2}, {2, 1, 1}, {2, 2, 2}, padding, {}, true, "NDHWC", true});
    add({"Conv3D", {1, 2, 3, 4, 3}, {2, 2, 2, 2, 2}, {2, 2, 2}, {1, 1, 1}, padding, {}, true, "NCDHW", true});
    // TensorFlow's gradients of a dilated depthwise convolution are wrong in C++ and in Python.
    add({"DepthwiseConv2dNative",
         {1, 7, 6, 3},
         {3, 3, 3, 2},
         {1, 1},
         {2, 2},
         padding,
         {},
         true,
         "NHWC",
         true});
    add({"DepthwiseConv2dNative",
         {1, 7, 6, 2},
         {2, 3, 2, 1},
         {1, 1},
         {3, 1},
         padding,
         {},
         true,
         "NHWC",
         true});
    add({"Conv2D", {2, 2, 6, 5}, {3, 2, 2, 3}, {2, 2}, {1, 1}, padding, {}, false, "NCHW", true});
    add({"Conv2D", {1, 2, 7, 6}, {3, 3, 2, 2}, {1, 1}, {2, 2}, padding, {}, true, "NCHW", true});
    add({"Conv2D", {1, 6, 6, 5}, {3, 2, 2, 3}, {2, 1}, {1, 1}, padding, {}, true, "NCHW", true});
    add({"DepthwiseConv2dNative",
         {1, 2, 6, 5},
         {3, 3, 2, 2},
         {1, 1},
         {1, 1},
         padding,
         {},
         false,
         "NCHW",
         true});
  }
  add({"Conv2D",
       {1, 2, 6, 6},
       {3, 3, 2, 2},
       {1, 1},
       {2, 2},
       "EXPLICIT",
       {0, 0, 0, 0, 2, 1, 3, 2},
       true,
       "NCHW",
       true});

  std::vector<GradientCase> cases;
  for (size_t i = 0; i < list.size(); ++i) cases.push_back(Case(list[i], i));

  // Conv2DTranspose, Conv3DTranspose, and the depthwise transpose.
  const auto transposed = [&](const std::string& type, const std::vector<int32_t>& sizes,
                              const std::vector<int64_t>& filter, const std::vector<int64_t>& dy,
                              const std::vector<int64_t>& strides, const std::string& padding) {
    GradientCase test;
    test.name = type + padding + std::to_string(strides[1]);
    test.args = {{filter}, {dy}};
    test.build = [=](graph::Scope& s, const Tensors& x) {
      return s.Op(type)
          .In(s.Const(sizes))
          .In(x[0])
          .In(x[1])
          .AttrInts("strides", strides)
          .AttrString("padding", padding)
          .Outs();
    };
    cases.push_back(test);
  };
  transposed("Conv2DBackpropInput", {2, 6, 4, 2}, {3, 3, 2, 3}, {2, 3, 2, 3}, {1, 2, 2, 1}, "SAME");
  transposed("Conv2DBackpropInput", {1, 5, 5, 2}, {3, 3, 2, 2}, {1, 3, 3, 2}, {1, 1, 1, 1}, "VALID");
  transposed("Conv3DBackpropInputV2", {1, 4, 3, 2, 1}, {2, 3, 2, 1, 2}, {1, 2, 2, 1, 2}, {1, 2, 2, 2, 1},
             "SAME");
  transposed("DepthwiseConv2dNativeBackpropInput", {1, 6, 4, 2}, {3, 3, 2, 1}, {1, 3, 2, 2}, {1, 2, 2, 1},
             "SAME");
  return cases;
}

class GradientOfConvolution : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfConvolution, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfConvolution, ::testing::ValuesIn(ConvolutionCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
