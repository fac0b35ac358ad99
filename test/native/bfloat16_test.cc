// Tests of what is computed in bfloat16, and what is not.
#include "rewrite/bfloat16.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <future>
#include <limits>
#include <memory>
#include <vector>

#include "runtime/compiled_function.h"
#include "runtime/strategy.h"

namespace ke::graph {
namespace {

using runtime::CompiledFunction;
using runtime::Strategy;
using runtime::Tensor;
using runtime::TensorRef;
using tf::C;

std::vector<uint16_t> Rounded(const std::vector<float>& values) {
  const auto size = static_cast<int64_t>(values.size());
  const auto half = ToBfloat16(tf::MakeTensor(TF_FLOAT, {size}, values.data()).get());
  const auto* bits = static_cast<const uint16_t*>(C().TF_TensorData(half.get()));
  return {bits, bits + values.size()};
}

TEST(Bfloat16, RoundsToTheNearestAndTiesToEven) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Rounded({0, -0.0F, 1, kInf, -kInf}), (std::vector<uint16_t>{0, 0x8000, 0x3f80, 0x7f80, 0xff80}));
  // Between 1 and 1 + 2^-7: below, on and above the middle. Then the middle above an odd value.
  EXPECT_EQ(Rounded({1.0038F, 1.00390625F, 1.004F, 1.01171875F}),
            (std::vector<uint16_t>{0x3f80, 0x3f80, 0x3f81, 0x3f82}));
  EXPECT_EQ(Rounded({std::numeric_limits<float>::max()}), std::vector<uint16_t>{0x7f80});
  const uint16_t nan = Rounded({std::numeric_limits<float>::quiet_NaN()})[0];
  EXPECT_EQ(nan & 0x7f80, 0x7f80);
  EXPECT_NE(nan & 0x7f, 0);
}

bool IsBfloat16(float value) { return (std::bit_cast<uint32_t>(value) & 0xffff) == 0; }

// Returns whether TensorFlow has bfloat16 kernels on this machine.
bool HasKernels() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") != 0;
#else
  return false;
#endif
}

std::vector<float> Wave(int64_t count, float step) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(std::sin(static_cast<float>(i) * step));
  return values;
}

std::vector<float> Values(const TensorRef& tensor) {
  const auto* values = static_cast<const float*>(tensor->data());
  return {values, values + tensor->bytes() / sizeof(float)};
}

// Sends x of shape (N, 8, 8, 4) through a convolution, whose features determine logits.
TEST(Bfloat16, RoundsConvolutionsButNotLogits) {
  constexpr int64_t kFeatures = 8 * 8 * 16;
  constexpr int64_t kUnits = 10;
  auto scope = std::make_unique<Scope>();
  scope->AllowBfloat16();
  const auto constant = [&](const std::vector<int64_t>& dims, const std::vector<float>& values) {
    return scope->Const(tf::MakeTensor(TF_FLOAT, dims, values.data()).get());
  };
  const std::vector<float> weights = Wave(kFeatures * kUnits, 0.3F);
  const TF_Output x = scope->Placeholder(TF_FLOAT, Shape::Of({-1, 8, 8, 4}), "x");
  const TF_Output convolved = scope->Op("Conv2D")
                                  .In(x)
                                  .In(constant({3, 3, 4, 16}, Wave(576, 0.7F)))
                                  .AttrInts("strides", {1, 1, 1, 1})
                                  .AttrString("padding", "SAME")
                                  .Out();
  const TF_Output features = scope->Op("Relu").In(convolved).Out();
  const TF_Output flat = scope->Op("Reshape").In(features).In(scope->Const({-1, kFeatures})).Out();
  const TF_Output product = scope->Op("MatMul").In(flat).In(constant({kFeatures, kUnits}, weights)).Out();
  const TF_Output logits = scope->Op("BiasAdd").In(product).In(constant({kUnits}, Wave(kUnits, 0.9F))).Out();
  runtime::SessionConfig config;
  config.bfloat16 = true;
  const auto function = CompiledFunction::Build(std::move(scope), {x}, {logits, features}, config);
  EXPECT_EQ(function->kept(), std::vector<TF_Operation*>{product.oper});

  const TensorRef input = Tensor::Allocate(TF_FLOAT, {2, 8, 8, 4});
  const std::vector<float> samples = Wave(2 * 256, 0.11F);
  std::copy(samples.begin(), samples.end(), static_cast<float*>(input->data()));
  Strategy strategy(1);
  std::promise<std::vector<TensorRef>> promise;
  function->Run(&strategy, {input}, {.shard_size = 2},
                [&](std::vector<TensorRef> outputs, const std::exception_ptr& error) {
                  if (error != nullptr) {
                    promise.set_exception(error);
                  } else {
                    promise.set_value(std::move(outputs));
                  }
                });
  const std::vector<TensorRef> outputs = promise.get_future().get();
  const std::vector<float> made = Values(outputs[1]);
  const std::vector<float> bias = Wave(kUnits, 0.9F);
  for (int64_t row = 0; row < 2; ++row) {
    for (int64_t unit = 0; unit < kUnits; ++unit) {
      double expected = bias[unit];
      for (int64_t i = 0; i < kFeatures; ++i) {
        expected += double{made[row * kFeatures + i]} * weights[i * kUnits + unit];
      }
      EXPECT_NEAR(Values(outputs[0])[row * kUnits + unit], expected, 1e-3) << row << " " << unit;
    }
  }
  if (!HasKernels()) GTEST_SKIP() << "TensorFlow computes nothing in bfloat16 on this CPU";
  EXPECT_TRUE(std::all_of(made.begin(), made.end(), IsBfloat16));
}

}  // namespace
}  // namespace ke::graph
