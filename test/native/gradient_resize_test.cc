#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

std::vector<GradientCase> ResizeCases() {
  std::vector<GradientCase> cases;
  for (const char* type : {"ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic"}) {
    for (const std::string mode : {"", "HalfPixel", "AlignCorners"}) {
      for (const auto& size : std::vector<std::vector<int32_t>>{{5, 3}, {2, 2}, {7, 8}}) {
        GradientCase test;
        test.name = type + mode + std::to_string(size[0]) + std::to_string(size[1]);
        test.args = {{{1, 3, 4, 2}}};
        test.single = true;
        test.step = 0.1;  // the op is linear
        test.build = [=](graph::Scope& s, const Tensors& x) {
          return s.Op(type)
              .In(x[0])
              .In(s.Const(size))
              .AttrBool("half_pixel_centers", mode == "HalfPixel")
              .AttrBool("align_corners", mode == "AlignCorners")
              .Outs();
        };
        cases.push_back(test);
      }
    }
  }
  return cases;
}

class GradientOfResize : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfResize, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfResize, ::testing::ValuesIn(ResizeCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
