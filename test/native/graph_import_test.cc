// Tests of whole imported models: values and layers against those of Keras, and the structure of the graph.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "graph_fixture.h"
#include "model/model_graph.h"
#include "run_graph.h"

namespace ke::graph {
namespace {

using test::MakeTensor;
using tf::C;

std::vector<Values> InputsOf(const Expected& expected) {
  std::vector<Values> inputs;
  for (const auto& [key, values] : expected.inputs) inputs.push_back(values);
  return inputs;
}

// A name with a slash, if Keras allows it.
std::string BatchNorm(const std::string& fixture) {
  return fixture == "keras2-nested" ? "stem/bn" : "stem_bn";
}

class KerasModels : public ::testing::TestWithParam<const char*> {};

TEST_P(KerasModels, KeepTheOrderOfInputsAndOutputs) {
  const Expected expected = ReadExpected(GetParam());
  const auto model = LoadFixture(GetParam());
  ASSERT_EQ(model->inputs().size(), expected.inputs.size());
  for (size_t i = 0; i < expected.inputs.size(); ++i) {
    EXPECT_EQ(model->inputs()[i].name, expected.inputs[i].first);
    EXPECT_EQ(model->inputs()[i].dtype, TF_FLOAT);
    EXPECT_EQ(model->inputs()[i].shape.rank(), static_cast<int>(expected.inputs[i].second.dims.size()));
    EXPECT_EQ(model->inputs()[i].shape.dims[0], -1);
  }
  ASSERT_EQ(model->outputs().size(), expected.outputs.size());
  const std::vector<Values> results = RunModel(*model, InputsOf(expected), model->output_tensors());
  for (size_t i = 0; i < expected.outputs.size(); ++i) {
    EXPECT_EQ(model->outputs()[i].name, expected.outputs[i].first);
    ExpectClose(results[i], expected.outputs[i].second, expected.outputs[i].first);
  }
}

// Every call of every layer that leaves an op has Keras' name, Keras' order, and the very tensor that Keras
// returned.
TEST_P(KerasModels, HaveLayersWithTheValuesOfKeras) {
  const Expected expected = ReadExpected(GetParam());
  const auto model = LoadFixture(GetParam());
  std::vector<std::string> tensors;
  std::vector<const ExpectedLayer*> wanted;
  std::map<std::string, size_t> calls;
  for (const ExpectedLayer& layer : expected.layers) {
    // Keras 3 leaves no op for a Dropout.
    if (layer.type == "Dropout" && std::string(GetParam()).substr(0, 6) == "keras3") continue;
    const std::string path = JoinPath(layer.path);
    const LayerRecord& record = FindRecord(*model, path);
    const size_t call = calls[path]++;
    ASSERT_LT(call, record.calls.size()) << path;
    ASSERT_EQ(record.calls[call].outputs.size(), 1U) << path;
    tensors.push_back(record.calls[call].outputs[0]);
    wanted.push_back(&layer);
    EXPECT_EQ(record.name, layer.path.back());
    EXPECT_NE(model->FindTensor(tensors.back()), nullptr) << path;
  }
  for (const auto& [path, count] : calls) EXPECT_EQ(FindRecord(*model, path).calls.size(), count) << path;
  const std::vector<Values> results = RunModel(*model, InputsOf(expected), tensors);
  for (size_t i = 0; i < wanted.size(); ++i)
    ExpectClose(results[i], wanted[i]->values, JoinPath(wanted[i]->path));
}

TEST_P(KerasModels, HaveNoInventedLayer) {
  const Expected expected = ReadExpected(GetParam());
  std::set<std::string> known;
  for (const ExpectedLayer& layer : expected.layers) known.insert(JoinPath(layer.path));
  const auto model = LoadFixture(GetParam());
  for (const LayerRecord& layer : model->layers()) {
    if (layer.type != "InputLayer") EXPECT_EQ(known.count(JoinPath(layer.path)), 1U) << JoinPath(layer.path);
  }
}

TEST_P(KerasModels, HaveLayersWithKerasClasses) {
  const Expected expected = ReadExpected(GetParam());
  const auto model = LoadFixture(GetParam());
  const bool inferred = std::string(GetParam()).substr(0, 6) == "keras3";
  for (const ExpectedLayer& layer : expected.layers) {
    if (layer.type == "Dropout" && inferred) continue;
    std::string type = layer.type;
    // Ops alone do not determine the kind of a nested model.
    if (inferred && type == "Sequential") type = "Functional";
    EXPECT_EQ(FindRecord(*model, JoinPath(layer.path)).type, type) << JoinPath(layer.path);
  }
}

INSTANTIATE_TEST_SUITE_P(All, KerasModels,
                         ::testing::Values("keras2-nested", "keras3-nested", "keras2-shared", "keras3-shared",
                                           "keras2-subclassed", "keras3-frozen", "keras3-refrozen"));

TEST(GraphImport, NamesWeightsAsKerasAndAssignsThemToLayers) {
  for (const char* name : {"keras2-nested", "keras3-nested"}) {
    const auto model = LoadFixture(name);
    const LayerRecord& stem = FindRecord(*model, "stem");
    EXPECT_EQ(std::set<std::string>(stem.weights.begin(), stem.weights.end()),
              (std::set<std::string>{"stem/kernel", "stem/bias"}))
        << name;
    const TF_Tensor* kernel = model->FindWeight("stem/kernel");
    ASSERT_NE(kernel, nullptr) << name;
    EXPECT_EQ(tf::Dims(kernel), (std::vector<int64_t>{3, 3, 2, 3})) << name;
    EXPECT_EQ(FindRecord(*model, BatchNorm(name)).weights.size(), 4U) << name;
    EXPECT_EQ(FindRecord(*model, "inner").weights.size(), 4U) << name;
    EXPECT_EQ(FindRecord(*model, "attention").weights.size(), 8U) << name;
    EXPECT_TRUE(FindRecord(*model, "act").weights.empty()) << name;
  }
  EXPECT_EQ(LoadFixture("keras2-nested")->FindWeight("nothing"), nullptr);
}

// Only the file of Keras 2 distinguishes a layer name with a slash from a layer inside another layer.
TEST(GraphImport, FindsLayersAndKernelsOfAFrozenKeras2Model) {
  const Expected expected = ReadExpected("keras2-refrozen");
  const auto model = LoadFixture("keras2-refrozen");
  const std::vector<Values> results = RunModel(*model, InputsOf(expected), model->output_tensors());
  ExpectClose(results[0], expected.outputs[0].second, "output");
  for (const char* path : {"stem", "inner|ic", "conv2d_1", "conv2d", "predictions"}) {
    const LayerRecord& layer = FindRecord(*model, path);
    EXPECT_TRUE(std::any_of(layer.weights.begin(), layer.weights.end(), [](const std::string& name) {
      return name.ends_with("/kernel");
    })) << path;
  }
  for (const char* path : {"re_lu", "residual", "gap"}) EXPECT_EQ(FindRecord(*model, path).calls.size(), 1u);
}

// In a frozen graph, small constants that are the kernel of any product become weights.
TEST(GraphImport, LiftsKernelsOfEveryProductOfAFrozenGraph) {
  Scope scope;
  const TF_Output x = scope.Placeholder(TF_FLOAT, Shape::Of({2, 1, 1, 1, 2}), "x");
  const TF_Output dense = scope.Const(MakeTensor(TF_FLOAT, {2, 3}, {1, 2, 3, 4, 5, 6}).get(), "values");
  scope.Op("Einsum", "dense/Einsum").InList({x, dense}).AttrString("equation", "...b,bc->...c").Finish();
  const TF_Output volume = scope.Const(MakeTensor(TF_FLOAT, {1, 1, 1, 1, 2}, {1, 2}).get(), "volume");
  scope.Op("Conv3DBackpropInputV2", "transposed/conv")
      .In(scope.Const({2, 1, 1, 1, 1}))
      .In(volume)
      .In(x)
      .AttrInts("strides", {1, 1, 1, 1, 1})
      .AttrString("padding", "SAME")
      .Finish();
  const auto model = LoadScope(scope, {"x"}, {"dense/Einsum", "transposed/conv"});
  std::set<std::string> names;
  for (const TensorSpec& weight : model->weights()) names.insert(weight.name);
  EXPECT_EQ(names, (std::set<std::string>{"dense/kernel", "transposed/kernel"}));
}

// The gradient of a batch norm has other inputs at the positions of gamma, beta and the moments.
TEST(GraphImport, LiftsNoConstantOfAFrozenBatchNormGradient) {
  Scope scope;
  const TF_Output x = scope.Placeholder(TF_FLOAT, Shape::Of({1, 1, 1, 2}), "x");
  const TF_Output activation = scope.Const(MakeTensor(TF_FLOAT, {1, 1, 1, 2}, {1, 2}).get(), "activation");
  OpBuilder op = scope.Op("FusedBatchNormGradV3", "bn/grad");
  op.In(x).In(activation);
  for (int i = 0; i < 4; ++i) op.In(scope.Const(MakeTensor(TF_FLOAT, {2}, {1, 2}).get(), "vector"));
  op.AttrBool("is_training", false).Finish();
  EXPECT_TRUE(LoadScope(scope, {"x"}, {"bn/grad"})->weights().empty());
}

TEST(GraphImport, FindsInputsAndOutputsOfCalls) {
  for (const char* name : {"keras2-nested", "keras3-nested"}) {
    const auto model = LoadFixture(name);
    const LayerCall& stem = FindRecord(*model, "stem").calls.at(0);
    EXPECT_EQ(stem.inputs, model->input_tensors()) << name;
    EXPECT_EQ(FindRecord(*model, BatchNorm(name)).calls.at(0).inputs, stem.outputs) << name;
    // The folded activation belongs to the layer.
    const LayerCall& predictions = FindRecord(*model, "predictions").calls.at(0);
    EXPECT_EQ(predictions.outputs, model->output_tensors()) << name;
    EXPECT_NE(predictions.outputs[0].find("Softmax"), std::string::npos) << name;
    // The model's own scope is not part of a path.
    EXPECT_EQ(FindRecord(*model, "inner|ic").path, (std::vector<std::string>{"inner", "ic"})) << name;
    EXPECT_EQ(FindRecord(*model, "residual").calls.at(0).inputs.size(), 2U) << name;
  }
}

TEST(GraphImport, NamesInputLayersAsTheInputsOfTheModel) {
  for (const char* name : {"keras2-shared", "keras3-shared"}) {
    const auto model = LoadFixture(name);
    ASSERT_GE(model->layers().size(), 2U);
    EXPECT_EQ(model->layers()[0].name, "right") << name;
    EXPECT_EQ(model->layers()[0].type, "InputLayer") << name;
    EXPECT_EQ(model->layers()[0].calls.at(0).outputs.at(0), model->input_tensors()[0]) << name;
    EXPECT_EQ(model->layers()[1].name, "left") << name;
  }
}

TEST(GraphImport, InfersShapes) {
  const auto model = LoadFixture("keras3-nested");
  const TensorSpec* stem = model->FindTensor(FindRecord(*model, "stem").calls.at(0).outputs.at(0));
  ASSERT_NE(stem, nullptr);
  EXPECT_EQ(stem->shape, Shape::Of({-1, 6, 6, 3}));
  EXPECT_EQ(stem->dtype, TF_FLOAT);
  EXPECT_EQ(model->FindTensor("no/such:0"), nullptr);
  const std::string node = model->input_tensors()[0].substr(0, model->input_tensors()[0].find(':'));
  EXPECT_EQ(model->FindTensor(node), model->FindTensor(node + ":0"));
}

TEST(GraphImport, SharesWeightsAndPrunesUnusedOps) {
  const auto model = LoadFixture("keras2-nested");
  Scope scope;
  const TF_Output feed = scope.Placeholder(TF_FLOAT, model->inputs()[0].shape, "feed");
  const std::string stem = FindRecord(*model, "stem").calls.at(0).outputs.at(0);
  const auto first = model->Instantiate(&scope, {feed}, {stem, model->input_tensors()[0]});
  EXPECT_EQ(first[1].oper, feed.oper);
  EXPECT_EQ(std::string(C().TF_OperationName(first[0].oper)), "model/outer/stem/BiasAdd");
  const auto second = model->Instantiate(&scope, {feed}, {stem, "stem/kernel"});
  EXPECT_NE(second[0].oper, first[0].oper);
  EXPECT_EQ(std::string(C().TF_OperationOpType(second[1].oper)), "Const");
  std::map<std::string, int> ops;
  size_t position = 0;
  while (TF_Operation* op = C().TF_GraphNextOperation(scope.graph(), &position))
    ++ops[C().TF_OperationOpType(op)];
  EXPECT_EQ(ops["Const"], 2);  // kernel and bias, once for both instances
  EXPECT_EQ(ops["Conv2D"], 2);
  EXPECT_EQ(ops["Softmax"], 0);
}

TEST(GraphImport, InstantiatesAModelInAFunctionBody) {
  const auto model = LoadFixture("keras3-nested");
  Scope outer;
  Scope body(&outer);
  const TF_Output feed = body.Placeholder(TF_FLOAT, model->inputs()[0].shape, "feed");
  const auto made = model->Instantiate(&body, {feed}, model->output_tensors());
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(C().TF_GraphOperationByName(body.graph(), C().TF_OperationName(made[0].oper)), made[0].oper);
}

TEST(GraphImport, RefusesInvalidRequestsWithTypedErrors) {
  const auto model = LoadFixture("keras3-nested");
  Scope scope;
  const TF_Output feed = scope.Placeholder(TF_FLOAT, model->inputs()[0].shape, "feed");
  EXPECT_THROW(model->Instantiate(&scope, {}, model->output_tensors()), tf::Error);
  for (const char* tensor : {"nothing", "outer_1/stem_1/BiasAdd:7", "outer_1/stem_1/BiasAdd:x", ":0", ""}) {
    try {
      model->Instantiate(&scope, {feed}, {tensor});
      ADD_FAILURE() << tensor;
    } catch (const tf::Error& error) {
      EXPECT_EQ(error.code(), TF_NOT_FOUND) << tensor;
    }
  }
}

TEST(GraphImport, LoadsAPlainModuleWithNestedFunctions) {
  const Expected expected = ReadExpected("module");
  const auto model = LoadFixture("module");
  ASSERT_EQ(model->outputs().size(), expected.outputs.size());
  const std::vector<Values> results = RunModel(*model, InputsOf(expected), model->output_tensors());
  for (size_t i = 0; i < expected.outputs.size(); ++i) {
    EXPECT_EQ(model->outputs()[i].name, expected.outputs[i].first);
    ExpectClose(results[i], expected.outputs[i].second, expected.outputs[i].first);
  }
  // tf.name_scope("head") contains variables. No other name is invented.
  ASSERT_EQ(model->layers().size(), 1U);
  EXPECT_EQ(model->layers()[0].name, "head");
  EXPECT_EQ(model->layers()[0].weights, (std::vector<std::string>{"table"}));
}

}  // namespace
}  // namespace ke::graph
