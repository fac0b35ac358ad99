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
#include <string>
#include <vector>

#include "graph_fixture.h"
#include "model/model_graph.h"
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

// Handmade graphs: x (N, 4) through a hidden product, then a head.
class LogitsProductsOf : public ::testing::Test {
 protected:
  TF_Output Floats(const std::vector<int64_t>& dims) {
    int64_t count = 1;
    for (const int64_t dim : dims) count *= dim;
    return s.Const(tf::MakeTensor(TF_FLOAT, dims, Wave(count, 0.3F).data()).get());
  }
  TF_Output Unary(const char* type, TF_Output x) { return s.Op(type).In(x).Out(); }
  TF_Output Binary(const char* type, TF_Output x, TF_Output y) { return s.Op(type).In(x).In(y).Out(); }
  // The products of the layers.
  TF_Output Dense(TF_Output x, int64_t in, int64_t out) { return Binary("MatMul", x, Floats({in, out})); }
  TF_Output Convolution(TF_Output x, int64_t in, int64_t out) {
    return s.Op("Conv2D")
        .In(x)
        .In(Floats({1, 1, in, out}))
        .AttrInts("strides", {1, 1, 1, 1})
        .AttrString("padding", "SAME")
        .Out();
  }
  using Ops = std::vector<TF_Operation*>;

  Scope s;
  TF_Output x = s.Placeholder(TF_FLOAT, Shape::Of({-1, 4}), "x");
  TF_Output hidden = Unary("Relu", Dense(x, 4, 4));
  TF_Output head = Dense(hidden, 4, 3);
};

TEST_F(LogitsProductsOf, AreFoundBeforeAScalingFactor) {
  EXPECT_EQ(LogitsProducts({Binary("Mul", head, s.Scalar(TF_FLOAT, 2))}), (Ops{head.oper}));
  EXPECT_EQ(LogitsProducts({Binary("Mul", s.Scalar(TF_FLOAT, 2), head)}), (Ops{head.oper}));
}

TEST_F(LogitsProductsOf, AreFoundBeforeATemperature) {
  EXPECT_EQ(LogitsProducts({Binary("RealDiv", head, s.Scalar(TF_FLOAT, 2))}), (Ops{head.oper}));
}

TEST_F(LogitsProductsOf, AreFoundBeforeADifference) {
  const TF_Output other = Dense(hidden, 4, 3);
  EXPECT_EQ(LogitsProducts({Binary("Sub", s.Scalar(TF_FLOAT, 1), head)}), (Ops{head.oper}));
  Ops both = LogitsProducts({Binary("Sub", head, other)});
  std::sort(both.begin(), both.end());
  Ops expected = {head.oper, other.oper};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(both, expected);
}

TEST_F(LogitsProductsOf, AreFoundBeforeALogSoftmax) {
  EXPECT_EQ(LogitsProducts({Unary("LogSoftmax", head)}), (Ops{head.oper}));
}

TEST_F(LogitsProductsOf, AreFoundBeforeAMeanOverPositions) {
  const TF_Output picture = s.Placeholder(TF_FLOAT, Shape::Of({-1, 8, 8, 4}), "picture");
  const TF_Output map = Convolution(Unary("Relu", Convolution(picture, 4, 4)), 4, 3);
  const TF_Output pooled = s.Op("Mean").In(Unary("Relu", map)).In(s.Const({1, 2})).Out();
  EXPECT_EQ(LogitsProducts({Unary("Softmax", pooled)}), (Ops{map.oper}));
}

TEST_F(LogitsProductsOf, AreFoundBeforeAConcatenationOfHeads) {
  const TF_Output other = Dense(hidden, 4, 2);
  const TF_Output all = s.Op("ConcatV2").InList({head, other}).In(s.Const(1)).Out();
  Ops found = LogitsProducts({all});
  std::sort(found.begin(), found.end());
  Ops expected = {head.oper, other.oper};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(found, expected);
}

// Depthwise and transposed convolutions, and batched products.
TEST_F(LogitsProductsOf, AreOfAllKinds) {
  const TF_Output picture = s.Placeholder(TF_FLOAT, Shape::Of({-1, 8, 8, 4}), "picture");
  const TF_Output depthwise = s.Op("DepthwiseConv2dNative")
                                  .In(picture)
                                  .In(Floats({1, 1, 4, 1}))
                                  .AttrInts("strides", {1, 1, 1, 1})
                                  .AttrString("padding", "SAME")
                                  .Out();
  const TF_Output transposed = s.Op("Conv2DBackpropInput")
                                   .In(s.Const({1, 8, 8, 4}))
                                   .In(Floats({1, 1, 4, 4}))
                                   .In(picture)
                                   .AttrInts("strides", {1, 1, 1, 1})
                                   .AttrString("padding", "SAME")
                                   .Out();
  const TF_Output batched = s.Op("BatchMatMulV2").In(picture).In(picture).AttrBool("adj_y", true).Out();
  const TF_Output einsum =
      s.Op("Einsum").InList({picture, Floats({4, 3})}).AttrString("equation", "abcd,de->abce").Out();
  for (const TF_Output& product : {depthwise, transposed, batched, einsum}) {
    EXPECT_EQ(LogitsProducts({Unary("Tanh", product)}), (Ops{product.oper}))
        << C().TF_OperationOpType(product.oper);
  }
}

// Only the shape of a product is used, so its values do not matter.
TEST_F(LogitsProductsOf, ExcludeProductsUsedForTheirShape) {
  const TF_Output ones = Unary("OnesLike", Dense(hidden, 4, 3));
  EXPECT_EQ(LogitsProducts({Binary("Mul", head, ones)}), (Ops{head.oper}));
}

// A fetch from which another fetch is computed by a product is a feature, not a result. A second head is a
// result.
TEST_F(LogitsProductsOf, BelongToResultsNotToFeatures) {
  const TF_Output fetched = Unary("Identity", hidden);
  EXPECT_EQ(LogitsProducts({Unary("Identity", head), fetched}), (Ops{head.oper}));
  EXPECT_EQ(LogitsProducts({fetched, Unary("Identity", head)}), (Ops{head.oper}));
  EXPECT_EQ(LogitsProducts({fetched}), (Ops{C().TF_OperationInput({hidden.oper, 0}).oper}));
  const TF_Output second = Dense(hidden, 4, 2);
  EXPECT_EQ(LogitsProducts({head, second, fetched}).size(), 2U);
}

// A model whose logits are the mean of a convolution after another convolution: only the first kernel is
// stored in bfloat16.
TEST(Bfloat16, KeepsKernelsOfLogitsInFloat32) {
  Scope file;
  const TF_Output x = file.Placeholder(TF_FLOAT, Shape::Of({-1, 8, 8, 16}), "x");
  const auto convolve = [&](TF_Output in, const char* name) {
    const std::vector<float> kernel = Wave(16 * 16 * 9, 0.7F);
    const TF_Output weight = file.Const(tf::MakeTensor(TF_FLOAT, {3, 3, 16, 16}, kernel.data()).get(),
                                        std::string(name) + "/kernel");
    return file.Op("Conv2D", std::string(name) + "/Conv2D")
        .In(in)
        .In(weight)
        .AttrInts("strides", {1, 1, 1, 1})
        .AttrString("padding", "SAME")
        .Out();
  };
  const TF_Output features = file.Op("Relu", "features").In(convolve(x, "hidden")).Out();
  file.Op("Mean", "logits").In(convolve(features, "head")).In(file.Const({1, 2})).Out();
  const auto model = LoadScope(file, {"x"}, {"logits"});

  // The kernel of a convolution comes from a Cast of the bfloat16 value, or from the weight itself.
  const auto reads_half = [&](const std::vector<std::string>& logits, const std::string& layer) {
    Scope scope;
    scope.AllowBfloat16();
    const TF_Output in = scope.Placeholder(TF_FLOAT, Shape::Of({-1, 8, 8, 16}), "x");
    model->Instantiate(&scope, {in}, {"logits", "features"}, {}, logits);
    TF_Operation* product =
        C().TF_GraphOperationByName(scope.graph(), ("model/" + layer + "/Conv2D").c_str());
    return std::string(C().TF_OperationOpType(C().TF_OperationInput({product, 1}).oper)) == "Cast";
  };
  EXPECT_TRUE(reads_half({"logits"}, "hidden"));
  EXPECT_FALSE(reads_half({"logits"}, "head"));
  EXPECT_FALSE(reads_half({"logits", "features"}, "head"));
  EXPECT_TRUE(reads_half({"logits", "features"}, "hidden"));
  EXPECT_FALSE(reads_half({"features"}, "hidden"));
  EXPECT_TRUE(reads_half({}, "head"));
}

}  // namespace
}  // namespace ke::graph
