// Tests of folding batch normalisations into convolutions: what is folded, what is not folded, and the
// resulting numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "graph_fixture.h"
#include "model/model_graph.h"
#include "rewrite/folding.h"
#include "run_graph.h"
#include "trace/trace.h"

namespace ke::graph {
namespace {

using test::MakeTensor;
using tf::C;

constexpr float kInf = std::numeric_limits<float>::infinity();

TF_Output Vector(Scope* scope, const std::vector<double>& values, const std::string& name = "vector",
                 std::vector<int64_t> dims = {}, TF_DataType dtype = TF_FLOAT) {
  if (dims.empty()) dims = {static_cast<int64_t>(values.size())};
  return scope->Const(MakeTensor(dtype, dims, values).get(), name);
}

TF_Output Add(Scope* scope, const std::string& type, TF_Output a, TF_Output b, const std::string& name = {}) {
  return scope->Op(type, name).In(a).In(b).Out();
}

// The properties of a small network that the tests vary.
struct Net {
  TF_DataType dtype = TF_FLOAT;
  std::string format = "NHWC";
  std::vector<double> kernel = {1, 2, 3, 4};
  std::vector<double> variance = {3.75, 0.75};
  bool training = false;
};

// "conv" multiplies the two channels of x by [[1, 2], [3, 4]]: (1, 2) becomes (7, 10).
TF_Output Convolution(Scope* scope, const Net& net = {}) {
  const TF_Output x = scope->Placeholder(
      net.dtype,
      Shape::Of(net.format == "NHWC" ? std::vector<int64_t>{-1, 1, 1, 2} : std::vector<int64_t>{-1, 2, 1, 1}),
      "x");
  return scope->Op("Conv2D", "conv")
      .In(x)
      .In(Vector(scope, net.kernel, "conv/kernel", {1, 1, 2, 2}, net.dtype))
      .AttrInts("strides", {1, 1, 1, 1})
      .AttrString("padding", "VALID")
      .AttrString("data_format", net.format)
      .Out();
}

// "bn": y = ((7 - 3) 2 / 2 + 1, (10 - 2) 0.5 / 1 - 1) = (5, 3).
TF_Output BatchNorm(Scope* scope, TF_Output x, const Net& net = {}) {
  return scope->Op("FusedBatchNormV3", "bn")
      .In(x)
      .In(Vector(scope, {2, 0.5}, "bn/gamma"))
      .In(Vector(scope, {1, -1}, "bn/beta"))
      .In(net.training ? Vector(scope, {}, "bn/mean", {0}) : Vector(scope, {3, 2}, "bn/mean"))
      .In(net.training ? Vector(scope, {}, "bn/variance", {0}) : Vector(scope, net.variance, "bn/variance"))
      .AttrFloat("epsilon", 0.25F)
      .AttrBool("is_training", net.training)
      .AttrString("data_format", net.format)
      .Out();
}

// Returns the model that `build` builds from x.
std::shared_ptr<const ModelGraph> Load(const std::function<void(Scope*)>& build,
                                       const std::vector<std::string>& outputs) {
  Scope scope;
  build(&scope);
  return LoadScope(scope, {"x"}, outputs);
}

std::shared_ptr<const ModelGraph> Normalised(const Net& net = {}) {
  return Load([&](Scope* scope) { BatchNorm(scope, Convolution(scope, net), net); }, {"bn"});
}

int CountOps(const Scope& scope, const std::string& type) {
  size_t position = 0;
  int count = 0;
  while (TF_Operation* op = C().TF_GraphNextOperation(scope.graph(), &position)) {
    count += C().TF_OperationOpType(op) == type ? 1 : 0;
  }
  return count;
}

// A call of a model in a separate graph.
struct Call {
  Scope scope;
  TF_Output x;
  std::vector<TF_Output> outputs;

  explicit Call(const ModelGraph& model, const std::vector<std::string>& names,
                const std::vector<std::string>& differentiated = {},
                const std::function<void(Scope*)>& prepare = {}) {
    if (prepare) prepare(&scope);
    x = scope.Placeholder(model.inputs()[0].dtype, model.inputs()[0].shape, "x");
    outputs = model.Instantiate(&scope, {x}, names, differentiated);
  }

  int Count(const std::string& type) const { return CountOps(scope, type); }

  std::vector<double> Run(const TF_Tensor* value, int output = 0) {
    return test::GraphRunner(scope).RunOne({{x, value}}, outputs[output]);
  }

  // The value in the graph under the name of a weight.
  std::vector<double> Weight(const std::string& name) {
    TF_Operation* op = C().TF_GraphOperationByName(scope.graph(), ("weights/" + name).c_str());
    EXPECT_NE(op, nullptr) << name;
    if (op == nullptr) return {};
    return test::GraphRunner(scope).RunOne({}, {op, 0});
  }
};

std::vector<double> RunOnce(const ModelGraph& model) {
  Call call(model, {model.output_tensors()[0]});
  EXPECT_EQ(call.Count("BiasAdd"), 1);
  return call.Run(MakeTensor(TF_FLOAT, {1, 1, 1, 2}, {1, 2}).get());
}

TEST(Folding, ScalesTheKernelAndLeavesABias) {
  const auto model = Normalised();
  Call call(*model, {"bn"});
  EXPECT_EQ(call.Count("FusedBatchNormV3"), 0);
  EXPECT_EQ(call.Weight("bn/folded_kernel"), (std::vector<double>{1, 1, 3, 2}));
  EXPECT_EQ(call.Weight("bn/folded_bias"), (std::vector<double>{-2, -2}));
  // Neither the folded ops nor their original weights are left.
  EXPECT_EQ(call.Count("Const"), 2);
  EXPECT_EQ(RunOnce(*model), (std::vector<double>{5, 3}));
}

TEST(Folding, FoldsTheBiasOfTheConvolution) {
  const auto model = Load(
      [](Scope* scope) {
        BatchNorm(scope, Add(scope, "BiasAdd", Convolution(scope), Vector(scope, {1, 2})));
      },
      {"bn"});
  EXPECT_EQ(RunOnce(*model), (std::vector<double>{6, 4}));
}

// The form of Keras 3, in which ops compute the factors.
TEST(Folding, FoldsABatchNormOfSeveralOps) {
  const auto model = Load(
      [](Scope* scope) {
        const auto channels = [&](const std::vector<double>& values) {
          const TF_Output vector = Vector(scope, values, "bn/variable");
          return scope->Op("Reshape").In(vector).In(scope->Const({1, 1, 1, 2})).Out();
        };
        const TF_Output shifted =
            Add(scope, "AddV2", channels({3.75, 0.75}), Vector(scope, {0.25}, "e", {1}));
        const TF_Output root = scope->Op("Rsqrt").In(shifted).Out();
        const TF_Output inv = Add(scope, "Mul", root, channels({2, 0.5}));
        const TF_Output mean = Add(scope, "Mul", channels({3, 2}), inv);
        const TF_Output offset = Add(scope, "Sub", channels({1, -1}), mean);
        Add(scope, "AddV2", Add(scope, "Mul", Convolution(scope), inv), offset, "y");
      },
      {"y"});
  Call call(*model, {"y"});
  EXPECT_EQ(call.Count("Mul") + call.Count("AddV2") + call.Count("Rsqrt"), 0);
  EXPECT_EQ(call.Weight("y/folded_kernel"), (std::vector<double>{1, 1, 3, 2}));
  EXPECT_EQ(RunOnce(*model), (std::vector<double>{5, 3}));
}

// A bias of the older op, and a constant after an op that keeps values: ((7, 10) + (1, 2)) (2, 3) = (16, 36).
TEST(Folding, FoldsEveryVersionOfABias) {
  const auto model = Load(
      [](Scope* scope) {
        const TF_Output biased = Add(scope, "BiasAddV1", Convolution(scope), Vector(scope, {1, 2}));
        const TF_Output factors = scope->Op("EnsureShape")
                                      .In(Vector(scope, {2, 3}, "factors"))
                                      .AttrShape("shape", Shape::Of({2}))
                                      .Out();
        Add(scope, "Mul", biased, factors, "y");
      },
      {"y"});
  EXPECT_EQ(Call(*model, {"y"}).Count("BiasAddV1"), 0);
  EXPECT_EQ(RunOnce(*model), (std::vector<double>{16, 36}));
}

// TensorFlow would fuse the sum into the convolution.
TEST(Folding, SeparatesABiasedConvolutionFromASum) {
  for (const char* bias : {"BiasAdd", "BiasAddV1"}) {
    const auto model = Load(
        [&](Scope* scope) {
          const TF_Output biased = Add(scope, bias, Convolution(scope), Vector(scope, {1, 2}));
          Add(scope, "AddV2", biased, scope->Op("Relu").In(biased).Out(), "y");
        },
        {"y"});
    Call call(*model, {"y"});
    EXPECT_EQ(call.Count("EnsureShape"), 1) << bias;
    EXPECT_EQ(call.Run(MakeTensor(TF_FLOAT, {1, 1, 1, 2}, {1, 2}).get()), (std::vector<double>{16, 24}))
        << bias;
  }
}

// 2 - ((7, 10) - (3, 2)) / (4, 2) * (1, 3) = (1, -10).
TEST(Folding, FoldsAnyScalesAndShiftsOfChannels) {
  const auto model = Load(
      [](Scope* scope) {
        TF_Output y = Add(scope, "Sub", Convolution(scope), Vector(scope, {3, 2}));
        y = Add(scope, "RealDiv", y, Vector(scope, {4, 2}, "vector", {1, 1, 2}));
        y = Add(scope, "Mul", Vector(scope, {1, 3}), y);
        Add(scope, "Sub", Vector(scope, {2}, "two", {1}), y, "y");
      },
      {"y"});
  EXPECT_EQ(RunOnce(*model), (std::vector<double>{1, -10}));
}

TEST(Folding, FoldsChannelsFirst) {
  Net net;
  net.format = "NCHW";
  Call fused(*Normalised(net), {"bn"});
  EXPECT_EQ(fused.Count("FusedBatchNormV3"), 0);
  EXPECT_EQ(fused.Weight("bn/folded_kernel"), (std::vector<double>{1, 1, 3, 2}));
  char format[8] = {};
  tf::Status status;
  TF_Operation* bias = C().TF_GraphOperationByName(fused.scope.graph(), "model/bn");
  ASSERT_NE(bias, nullptr);
  C().TF_OperationGetAttrString(bias, "data_format", format, sizeof format, status);
  status.Check();
  EXPECT_EQ(std::string(format, 4), "NCHW");

  const auto written = [&](const std::vector<int64_t>& dims) {
    const auto model = Load(
        [&](Scope* scope) {
          Add(scope, "Mul", Convolution(scope, net), Vector(scope, {1, 0.5}, "s", dims), "y");
        },
        {"y"});
    return Call(*model, {"y"}).Count("BiasAdd");
  };
  EXPECT_EQ(written({2, 1, 1}), 1);
  EXPECT_EQ(written({1, 2, 1, 1}), 1);
  EXPECT_EQ(written({1, 1, 1, 2}), 0);  // along the width
}

// Channel c with multiplier m: the last two axes of the kernel are the channels.
TEST(Folding, ScalesBothAxesOfADepthwiseKernel) {
  const auto model = Load(
      [](Scope* scope) {
        const TF_Output conv = scope->Op("DepthwiseConv2dNative", "conv")
                                   .In(scope->Placeholder(TF_FLOAT, Shape::Of({-1, 1, 1, 2}), "x"))
                                   .In(Vector(scope, {1, 2, 3, 4}, "conv/kernel", {1, 1, 2, 2}))
                                   .AttrInts("strides", {1, 1, 1, 1})
                                   .AttrString("padding", "VALID")
                                   .Out();
        Add(scope, "Mul", conv, Vector(scope, {10, 100, 1000, 0.5}), "y");
      },
      {"y"});
  EXPECT_EQ(RunOnce(*model), (std::vector<double>{10, 200, 6000, 4}));
}

TEST(Folding, FoldsConvolutionsOfVolumes) {
  const auto model = Load(
      [](Scope* scope) {
        const TF_Output conv = scope->Op("Conv3D", "conv")
                                   .In(scope->Placeholder(TF_FLOAT, Shape::Of({-1, 1, 1, 1, 2}), "x"))
                                   .In(Vector(scope, {1, 2, 3, 4}, "conv/kernel", {1, 1, 1, 2, 2}))
                                   .AttrInts("strides", {1, 1, 1, 1, 1})
                                   .AttrString("padding", "VALID")
                                   .Out();
        Add(scope, "AddV2", Add(scope, "Mul", conv, Vector(scope, {2, 0.5})), Vector(scope, {1, 1}), "y");
      },
      {"y"});
  Call call(*model, {"y"});
  EXPECT_EQ(call.Count("BiasAdd"), 1);
  EXPECT_EQ(call.Run(MakeTensor(TF_FLOAT, {1, 1, 1, 1, 2}, {1, 2}).get()), (std::vector<double>{15, 6}));
}

TEST(Folding, KeepsTensorsWithOtherReaders) {
  const auto model = Load(
      [](Scope* scope) {
        const TF_Output conv = Convolution(scope);
        BatchNorm(scope, conv);
        scope->Op("Relu", "other").In(conv).Out();
      },
      {"bn", "other"});
  const tf::TensorPtr x = MakeTensor(TF_FLOAT, {1, 1, 1, 2}, {1, 2});
  Call both(*model, {"bn", "other"});
  EXPECT_EQ(both.Count("FusedBatchNormV3"), 1);
  EXPECT_EQ(both.Run(x.get(), 1), (std::vector<double>{7, 10}));
  Call asked(*model, {"bn", "conv"});
  EXPECT_EQ(asked.Count("FusedBatchNormV3"), 1);
  EXPECT_EQ(asked.Run(x.get(), 1), (std::vector<double>{7, 10}));
  // An output that is not requested does not prevent folding.
  EXPECT_EQ(Call(*model, {"bn"}).Count("FusedBatchNormV3"), 0);
  // Weights that are only fetched exist beside the folded kernel.
  Call looked(*model, {"bn", "conv/kernel", "bn/gamma"});
  EXPECT_EQ(looked.Count("FusedBatchNormV3"), 0);
  EXPECT_EQ(looked.Run(x.get(), 1), (std::vector<double>{1, 2, 3, 4}));
}

TEST(Folding, KeepsSavedOpsUnderNumericsChecks) {
  const auto model = Normalised();
  const Call call(*model, {"bn"}, {}, [](Scope* scope) { scope->CheckNumerics(); });
  EXPECT_EQ(call.Count("FusedBatchNormV3"), 1);
}

TEST(Folding, FoldsOnlyConstantFiniteFloat32) {
  const auto is_folded = [](const std::shared_ptr<const ModelGraph>& model) {
    const Call call(*model, {model->output_tensors()[0]});
    return call.Count("BiasAdd") == 1;
  };
  const auto with = [](const std::function<void(Net*)>& change) {
    Net net;
    change(&net);
    return Normalised(net);
  };
  const auto multiplied = [](const std::function<TF_Output(Scope*)>& by, const Net& net = {}) {
    return Load([&](Scope* scope) { Add(scope, "Mul", Convolution(scope, net), by(scope), "y"); }, {"y"});
  };
  EXPECT_TRUE(is_folded(with([](Net*) {})));
  EXPECT_FALSE(is_folded(with([](Net* net) { net->training = true; })));
  EXPECT_FALSE(is_folded(with([](Net* net) { net->variance = {1, -1}; })));  // its root is NaN
  EXPECT_FALSE(is_folded(with([](Net* net) { net->variance = {1, -0.25}; })));
  EXPECT_FALSE(is_folded(with([](Net* net) { net->kernel[2] = kInf; })));
  EXPECT_FALSE(is_folded(with([](Net* net) { net->kernel[2] = std::nan(""); })));
  EXPECT_TRUE(is_folded(multiplied([](Scope* scope) { return Vector(scope, {2, 3}); })));
  EXPECT_FALSE(is_folded(
      multiplied([](Scope* scope) { return Vector(scope, {3, 1e38}); })));  // 3e38 fits, 4e38 does not
  EXPECT_FALSE(is_folded(multiplied([](Scope* scope) { return Vector(scope, {2, 3, 4}, "s", {3, 1, 1}); })));
  EXPECT_FALSE(is_folded(multiplied([](Scope* scope) {
    return scope->Op("Softmax").In(Vector(scope, {2, 3})).Out();  // an op that folding does not support
  })));
  Net wide;
  wide.dtype = TF_DOUBLE;
  EXPECT_FALSE(
      is_folded(multiplied([](Scope* scope) { return Vector(scope, {2, 3}, "s", {}, TF_DOUBLE); }, wide)));
  // Multiplied by itself.
  EXPECT_FALSE(is_folded(Load(
      [](Scope* scope) {
        const TF_Output conv = Convolution(scope);
        Add(scope, "Mul", conv, conv, "y");
      },
      {"y"})));
  // Multiplied by a value that is known only in the run.
  EXPECT_FALSE(is_folded(Load(
      [](Scope* scope) {
        const TF_Output conv = Convolution(scope);
        const TF_Output x{C().TF_GraphOperationByName(scope->graph(), "x"), 0};
        Add(scope, "Mul", conv, x, "y");
      },
      {"y"})));
  // The run computes the kernel.
  EXPECT_FALSE(is_folded(Load(
      [](Scope* scope) {
        const TF_Output x = scope->Placeholder(TF_FLOAT, Shape::Of({1, 1, 2, 2}), "x");
        const TF_Output conv = scope->Op("Conv2D")
                                   .In(x)
                                   .In(x)
                                   .AttrInts("strides", {1, 1, 1, 1})
                                   .AttrString("padding", "VALID")
                                   .Out();
        Add(scope, "Mul", conv, Vector(scope, {2, 3}), "y");
      },
      {"y"})));
  // The statistics are requested.
  const Call statistics(*Normalised(), {"bn", "bn:1"});
  EXPECT_EQ(statistics.Count("FusedBatchNormV3"), 1);
}

TEST(Folding, KeepsABiasAlone) {
  const auto model = Load(
      [](Scope* scope) {
        const TF_Output biased =
            Add(scope, "BiasAdd", Convolution(scope), Vector(scope, {1, 2}, "conv/bias"));
        Add(scope, "AddV2", biased, Vector(scope, {3, 4}), "y");
      },
      {"y"});
  const Call call(*model, {"y"});
  EXPECT_EQ(call.Count("AddV2"), 1);
}

// At most 64 ops are followed, because a file may contain any number of ops.
TEST(Folding, LimitsThePathToAFactor) {
  for (const int ops : {20, 1000}) {
    const auto model = Load(
        [&](Scope* scope) {
          TF_Output factor = Vector(scope, {1, 1});
          for (int i = 0; i < ops; ++i) factor = Add(scope, "Mul", factor, factor);
          Add(scope, "Mul", Convolution(scope), factor, "y");
        },
        {"y"});
    EXPECT_EQ(Call(*model, {"y"}).Count("BiasAdd"), ops == 20 ? 1 : 0) << ops;
  }
}

// Large kernels are variables. The folded kernel exists once, and the saved kernel only in graphs that read
// it.
TEST(Folding, StoresAFoldedKernelOnce) {
  const auto model = Load(
      [](Scope* scope) {
        const TF_Output conv =
            scope->Op("Conv2D", "conv")
                .In(scope->Placeholder(TF_FLOAT, Shape::Of({-1, 4, 4, 64}), "x"))
                .In(Vector(scope, std::vector<double>(9 * 64 * 64, 0.5), "conv/kernel", {3, 3, 64, 64}))
                .AttrInts("strides", {1, 1, 1, 1})
                .AttrString("padding", "SAME")
                .Out();
        Add(scope, "Mul", conv, Vector(scope, std::vector<double>(64, 3)), "y");
      },
      {"y"});
  Call one(*model, {"y"});
  model->Instantiate(&one.scope, {one.x}, {"y"});
  const Call other(*model, {"y"});
  ASSERT_EQ(one.scope.initializers().size(), 1U);
  ASSERT_EQ(other.scope.initializers().size(), 1U);
  EXPECT_EQ(one.scope.initializers()[0].value, other.scope.initializers()[0].value);
  EXPECT_EQ(test::ToDoubles(one.scope.initializers()[0].value.get())[0], 1.5);

  const Call half(*model, {"y"}, {}, [](Scope* scope) { scope->AllowBfloat16(); });
  ASSERT_EQ(half.scope.initializers().size(), 1U);
  const TF_Tensor* kernel = half.scope.initializers()[0].value.get();
  EXPECT_EQ(C().TF_TensorType(kernel), TF_BFLOAT16);
  EXPECT_EQ(*static_cast<const uint16_t*>(C().TF_TensorData(kernel)), 0x3fc0);  // 1.5
}

// d y / d gamma = (conv - mean) / sqrt(variance + epsilon) = ((7 - 3) / 2, (10 - 2) / 1), whichever call
// returned gamma. The gradient of the kernel is x times gamma / sqrt(variance + epsilon).
TEST(Folding, AllowsGradientsOfFoldableWeights) {
  const auto model = Normalised();
  const auto trace = trace::Trace::Create();
  const trace::Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 1, 1, 2}), "x");
  const trace::Symbol y = trace->CallModel(model, {x.id}, {"bn"})[0];
  const trace::Symbol gamma = trace->CallModel(model, {x.id}, {"bn/gamma"})[0];
  const trace::Symbol kernel = trace->CallModel(model, {x.id}, {"conv/kernel"})[0];
  const std::vector<trace::Symbol> gradients = trace->Gradient({y.id}, {gamma.id, kernel.id}, {}, {});
  Scope scope;
  std::vector<TF_Output> feeds;
  const std::vector<TF_Output> made = trace->Replay(&scope, {gradients[0].id, gradients[1].id}, &feeds);
  const tf::TensorPtr value = MakeTensor(TF_FLOAT, {1, 1, 1, 2}, {1, 2});
  test::GraphRunner runner(scope);
  EXPECT_EQ(runner.RunOne({{feeds[0], value.get()}}, made[0]), (std::vector<double>{2, 8}));
  EXPECT_EQ(runner.RunOne({{feeds[0], value.get()}}, made[1]), (std::vector<double>{1, 0.5, 2, 1}));
}

// A ReLU whose input is within rounding of 0 would pass another gradient.
TEST(Folding, KeepsOpsOnThePathOfAGradientExceptInBfloat16) {
  const auto model = Normalised();
  EXPECT_EQ(Call(*model, {"bn"}).Count("FusedBatchNormV3"), 0);
  EXPECT_EQ(Call(*model, {"bn"}, model->input_tensors()).Count("FusedBatchNormV3"), 1);
  EXPECT_EQ(Call(*model, {"bn"}, {"bn:0"}).Count("FusedBatchNormV3"), 0);
  const auto allow = [](Scope* scope) { scope->AllowBfloat16(); };
  EXPECT_EQ(Call(*model, {"bn"}, model->input_tensors(), allow).Count("FusedBatchNormV3"), 0);

  const auto count = [&](bool by_inputs) {
    const auto trace = trace::Trace::Create();
    const trace::Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 1, 1, 2}), "x");
    const trace::Symbol y = trace->CallModel(model, {x.id}, {"bn"})[0];
    const trace::Symbol z = trace->Op("Square", {y.id}, {})[0];
    const trace::Symbol gradient = trace->Gradient({z.id}, {by_inputs ? x.id : y.id}, {}, {})[0];
    Scope scope;
    std::vector<TF_Output> feeds;
    trace->Replay(&scope, {gradient.id}, &feeds);
    return CountOps(scope, "FusedBatchNormV3");
  };
  EXPECT_EQ(count(true), 1);
  EXPECT_EQ(count(false), 0);
}

// Real exports: no batch norm is left, in either form, and the numbers are those of Keras (GraphImport tests
// compare each layer).
TEST(Folding, KeepsTheResultsOfExportedModels) {
  for (const char* name : {"keras2-nested", "keras3-nested", "keras3-frozen"}) {
    const auto model = LoadFixture(name);
    const Expected expected = ReadExpected(name);
    const std::vector<std::string> outputs = model->output_tensors();
    const Call folded(*model, outputs);
    const Call saved(*model, outputs, {}, [](Scope* scope) { scope->CheckNumerics(); });
    const auto ops = [](const Call& call) {
      return call.Count("FusedBatchNormV3") + call.Count("Mul") + call.Count("AddV2");
    };
    EXPECT_LT(ops(folded), ops(saved)) << name;
    const std::string norm = std::string(name) == "keras2-nested" ? "stem/bn" : "stem_bn";
    const std::vector<std::string> normalised = FindRecord(*model, norm).calls[0].outputs;
    const std::string convolved = FindRecord(*model, "stem").calls[0].outputs[0];
    std::vector<Values> inputs;
    for (const auto& input : expected.inputs) inputs.push_back(input.second);
    const std::vector<Values> alone = RunModel(*model, inputs, normalised);
    const std::vector<Values> beside = RunModel(*model, inputs, {normalised[0], convolved});
    ExpectClose(alone[0], beside[0], name);
  }
}

}  // namespace
}  // namespace ke::graph
