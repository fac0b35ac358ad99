// Tests of the biases that models add, counted by hand, and of dependences between tensors.
#include <gtest/gtest.h>

#include <map>

#include "graph_fixture.h"
#include "model/model_graph.h"
#include "run_graph.h"

namespace ke::graph {
namespace {

using test::MakeTensor;
using Kind = BiasTerm::Kind;

std::map<Kind, int> Count(const std::vector<BiasTerm>& terms) {
  std::map<Kind, int> counts;
  for (const BiasTerm& term : terms) ++counts[term.kind];
  return counts;
}

// "outer" has 12 biases: in the convolutions stem, ic, dw, conv2d_1 and conv2d, in stem_bn, in the layer
// norm, in the attention's query, key, value and output, and in the predictions. Keras 3 exports batch norm
// as separate ops.
TEST(BiasTerms, AreFoundInNestedModels) {
  for (const char* name : {"keras2-nested", "keras3-nested", "keras3-frozen"}) {
    SCOPED_TRACE(name);
    const auto model = LoadFixture(name);
    const std::vector<BiasTerm> terms = model->BiasTerms(model->output_tensors(), {});
    EXPECT_EQ(terms.size(), 12U);
    std::map<Kind, int> counts = Count(terms);
    EXPECT_EQ(counts[Kind::kBatchNorm], std::string(name) == "keras2-nested" ? 1 : 0);
    EXPECT_EQ(counts[Kind::kSubtract], 0);
    for (const BiasTerm& term : terms) {
      EXPECT_NE(model->FindTensor(term.tensor), nullptr) << term.tensor;
      EXPECT_EQ(term.axis, -1);
      EXPECT_EQ(term.operands.size(), term.kind == Kind::kBatchNorm ? 4U : 1U);
      for (const std::string& operand : term.operands) {
        EXPECT_NE(model->FindTensor(operand), nullptr) << operand;
        EXPECT_FALSE(model->DependsOn({operand}, {terms[0].tensor})) << operand;
      }
    }
    EXPECT_EQ(terms.back().tensor, model->BiasTerms({terms.back().tensor}, {}).back().tensor);
  }
}

TEST(BiasTerms, AreFoundWithinALayer) {
  for (const char* name : {"keras2-nested", "keras3-nested"}) {
    const auto model = LoadFixture(name);
    const std::string bn = std::string(name) == "keras2-nested" ? "stem/bn" : "stem_bn";
    const std::map<std::string, size_t> expected = {
        {"stem", 1},     {bn, 1},     {"act", 0},       {"inner", 2},    {"inner|dw", 1},
        {"inner|ic", 1}, {"norm", 1}, {"attention", 4}, {"residual", 0}, {"predictions", 1}};
    for (const auto& [path, count] : expected) {
      const LayerCall& call = FindRecord(*model, path).calls[0];
      EXPECT_EQ(model->BiasTerms(call.outputs, call.inputs).size(), count) << name << " " << path;
    }
  }
}

// One term per call of a shared layer: two of the encoder's convolution, two of "twice" on either side, and
// one per output for the dense layers.
TEST(BiasTerms, CountEveryCallOfASharedLayer) {
  for (const char* name : {"keras2-shared", "keras3-shared"}) {
    const auto model = LoadFixture(name);
    EXPECT_EQ(model->BiasTerms(model->output_tensors(), {}).size(), 7U) << name;
    EXPECT_EQ(model->BiasTerms({model->output_tensors()[0]}, {}).size(), 6U) << name;
  }
}

// Each block adds 1.0 after its ReLU, which is not a bias.
TEST(BiasTerms, ExcludeConstantsOfActivations) {
  const auto model = LoadFixture("keras2-subclassed");
  EXPECT_EQ(model->BiasTerms(model->output_tensors(), {}).size(), 3U);
}

// z = (relu(x W + s) + relu(2 x W + s)) T + T[argmax(...)]: s is added twice, and the gathered rows depend on
// x.
TEST(BiasTerms, IncludeConstantsWithAnAxisButNoGatheredRows) {
  const auto model = LoadFixture("module");
  for (size_t i = 0; i < model->outputs().size(); ++i) {
    const size_t expected = model->outputs()[i].name == "z" ? 2 : 1;
    EXPECT_EQ(model->BiasTerms({model->output_tensors()[i]}, {}).size(), expected);
  }
}

// One walk for all tensors returns the results of one walk per tensor.
TEST(ModelGraph, FindsTheDependencesOfManyTensors) {
  const auto model = LoadFixture("keras2-nested");
  std::vector<std::string> names = model->input_tensors();
  for (const LayerRecord& layer : model->layers()) {
    for (const LayerCall& call : layer.calls)
      names.insert(names.end(), call.outputs.begin(), call.outputs.end());
  }
  names.push_back(names[2]);
  const std::vector<std::string> from = {names[3]};
  const std::vector<bool> dependent = model->Dependent(names, from);
  const std::vector<bool> used = model->UsedByOthers(names);
  ASSERT_EQ(dependent.size(), names.size());
  ASSERT_EQ(used.size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(dependent[i], model->DependsOn({names[i]}, from)) << names[i];
    std::vector<std::string> others = names;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(used[i], model->DependsOn(others, {names[i]})) << names[i];
  }
}

// Handmade graphs.
class HandMade : public ::testing::Test {
 protected:
  TF_Output Floats(const std::vector<int64_t>& dims, const std::vector<double>& values,
                   const std::string& name = "const") {
    return scope_.Const(MakeTensor(TF_FLOAT, dims, values).get(), name);
  }
  TF_Output Vector(const std::string& name = "weights") { return Floats({2}, {1, 2}, name); }
  TF_Output Scalar(double value, const std::string& name = "scalar") { return Floats({}, {value}, name); }
  TF_Output Unary(const std::string& type, TF_Output x) { return scope_.Op(type).In(x).Out(); }
  TF_Output Binary(const std::string& type, TF_Output x, TF_Output y, const std::string& name = {}) {
    return scope_.Op(type, name).In(x).In(y).Out();
  }
  TF_Output Norm(TF_Output x, const std::vector<TF_Output>& parameters, bool training, const char* format) {
    OpBuilder op = scope_.Op("FusedBatchNormV3", "norm");
    op.In(x).AttrBool("is_training", training).AttrString("data_format", format).AttrFloat("epsilon", 0.25f);
    for (const TF_Output& parameter : parameters) op.In(parameter);
    return op.Out();
  }

  // Returns the terms on the paths to `output`, as "kind tensor operands".
  std::vector<std::string> Terms(TF_Output output, std::vector<BiasTerm>* terms = nullptr) {
    const auto model = LoadScope(scope_, {"x"}, {tf::C().TF_OperationName(output.oper)});
    const std::vector<BiasTerm> found = model->BiasTerms(model->output_tensors(), {});
    if (terms != nullptr) *terms = found;
    std::vector<std::string> lines;
    for (const BiasTerm& term : found) {
      std::string line = term.kind == Kind::kAdd ? "add" : term.kind == Kind::kSubtract ? "subtract" : "norm";
      line += " " + term.tensor;
      for (const std::string& operand : term.operands) line += " " + operand;
      lines.push_back(line);
    }
    return lines;
  }
  using Lines = std::vector<std::string>;

  Scope scope_;
  TF_Output x_ = scope_.Placeholder(TF_FLOAT, Shape::Of({-1, 4, 4, 2}), "x");
};

TEST_F(HandMade, FindsBiasesOfAddSubAndAddN) {
  const TF_Output sum = Binary("Add", Vector("a"), x_, "sum");
  const TF_Output less = Binary("Sub", Unary("Relu", sum), Vector("b"), "less");
  const TF_Output from = Binary("Sub", Vector("c"), Unary("Relu", less), "from");
  const TF_Output list =
      scope_.Op("AddN", "list").InList({from, Floats({1, 4, 4, 2}, std::vector<double>(32, 1), "d")}).Out();
  EXPECT_EQ(Terms(Unary("Relu", list)),
            (Lines{"add sum:0 a:0", "subtract less:0 b:0", "add from:0 c:0", "add list:0 d:0"}));
}

TEST_F(HandMade, ExcludesResidualsEpsilonsAndZeros) {
  const TF_Output residual = Binary("AddV2", x_, Unary("Relu", x_));
  const TF_Output six = Unary("Relu6", Binary("AddV2", Unary("Relu", residual), Scalar(3)));
  const TF_Output zeros = Binary("AddV2", six, Floats({2}, {0, 0}));
  const TF_Output filled = scope_.Op("Fill").In(scope_.Const(std::vector<int32_t>{2})).In(Scalar(5)).Out();
  EXPECT_EQ(Terms(Binary("AddV2", zeros, filled)), Lines{});
}

TEST_F(HandMade, CountsScalarsOnlyInPreprocessing) {
  const TF_Output cast = scope_.Op("Cast").In(x_).AttrType("DstT", TF_FLOAT).Out();
  const TF_Output scaled = Binary("Mul", cast, Scalar(2));
  const TF_Output offset = Binary("Sub", scaled, Scalar(1, "one"), "offset");
  const TF_Output shape = scope_.Const(std::vector<int32_t>{-1, 16, 2});
  const TF_Output moved = Binary("AddV2", Binary("Reshape", offset, shape), Scalar(4, "four"), "moved");
  const TF_Output later = Binary("AddV2", Unary("Tanh", moved), Scalar(1, "late"));
  EXPECT_EQ(Terms(later), (Lines{"subtract offset:0 one:0", "add moved:0 four:0"}));
}

// Ops that reorder or check values, and both versions of BiasAdd, do not end the preprocessing.
TEST_F(HandMade, KeepsPreprocessingThroughOpsThatKeepValues) {
  const Shape any = Shape::Of({-1, 4, 4, 2});
  const TF_Output axis = scope_.Const(std::vector<int32_t>{3});
  for (const TF_Output kept :
       {Binary("ReverseV2", x_, axis), scope_.Op("Roll").In(x_).In(axis).In(axis).Out(),
        scope_.Op("EnsureShape").In(x_).AttrShape("shape", any).Out(),
        Binary("BiasAddV1", x_, Floats({2}, {0, 0}))}) {
    const std::string node = tf::C().TF_OperationName(kept.oper);
    const TF_Output moved = Binary("Sub", kept, Scalar(1, node + "_one"), node + "_offset");
    const Lines terms = Terms(Unary("Tanh", moved));
    ASSERT_FALSE(terms.empty()) << node;
    EXPECT_EQ(terms.back(), "subtract " + node + "_offset:0 " + node + "_one:0");
  }
}

TEST_F(HandMade, CountsScalarsStoredAsIntegers) {
  const TF_Output one = scope_.Const(MakeTensor(TF_INT32, {}, {1}).get(), "one");
  const TF_Output cast = scope_.Op("Cast", "cast").In(one).AttrType("DstT", TF_FLOAT).Out();
  const TF_Output none = scope_.Const(MakeTensor(TF_INT32, {}, {0}).get(), "none");
  const TF_Output zero = scope_.Op("Cast", "zero").In(none).AttrType("DstT", TF_FLOAT).Out();
  const TF_Output moved = Binary("Sub", Binary("AddV2", x_, cast, "sum"), zero);
  EXPECT_EQ(Terms(Unary("Relu", moved)), (Lines{"add sum:0 cast:0"}));
}

// Group normalisation with explicit moments: x * inv + (beta - mean * inv).
TEST_F(HandMade, AssignsABiasToTheSumWithPositions) {
  const TF_Output axes = scope_.Const(std::vector<int32_t>{1, 2});
  const TF_Output mean = scope_.Op("Mean").In(x_).In(axes).AttrBool("keep_dims", true).Out();
  const TF_Output offset = Binary("Sub", Vector("beta"), mean, "offset");
  const TF_Output wide = Binary("AddV2", Unary("Tanh", x_), offset, "wide");
  const TF_Output block = Binary("AddV2", wide, x_, "block");
  EXPECT_EQ(Terms(Unary("Relu", block)), (Lines{"add wide:0 beta:0"}));
  // A small sum with another use keeps its own term.
  const TF_Output again = Binary("Mul", Unary("Relu", block), offset);
  EXPECT_EQ(Terms(again), (Lines{"add offset:0 beta:0"}));
}

TEST_F(HandMade, FollowsValuesOnly) {
  // A bias that is broadcast to the shape of x stays a bias. Ops that affect only the shape of x are not
  // walked.
  const TF_Output spread =
      Binary("BroadcastTo", Vector("b"), Unary("Shape", Binary("AddV2", x_, Vector("c"))));
  const TF_Output sum = Binary("AddV2", Unary("Relu", x_), spread, "sum");
  EXPECT_EQ(Terms(sum), (Lines{"add sum:0 BroadcastTo:0"}));
}

TEST_F(HandMade, FindsBatchNormsAtInference) {
  const TF_Output x = scope_.Placeholder(TF_FLOAT, Shape::Of({-1, 2, 4, 4}), "first");
  const std::vector<TF_Output> parameters = {Vector("g"), Vector("b"), Vector("m"), Vector("v")};
  const TF_Output norm = Norm(x, parameters, false, "NCHW");
  const TF_Output biased =
      scope_.Op("BiasAdd", "biased").In(norm).In(Vector("c")).AttrString("data_format", "NCHW").Out();
  const auto model = LoadScope(scope_, {"first"}, {tf::C().TF_OperationName(biased.oper)});
  const std::vector<BiasTerm> terms = model->BiasTerms(model->output_tensors(), {});
  ASSERT_EQ(terms.size(), 2U);
  EXPECT_EQ(terms[0].kind, Kind::kBatchNorm);
  EXPECT_EQ(terms[0].operands, (std::vector<std::string>{"g:0", "b:0", "m:0", "v:0"}));
  EXPECT_FLOAT_EQ(terms[0].epsilon, 0.25f);
  EXPECT_EQ(terms[0].axis, 1);
  EXPECT_EQ(terms[1].kind, Kind::kAdd);
  EXPECT_EQ(terms[1].axis, 1);
}

// Layer norm of Keras 2: a batch norm of the samples' own moments with a scale of ones, then gamma and beta.
TEST_F(HandMade, FindsOnlyBetaInALayerNorm) {
  const TF_Output ones = scope_.Op("Fill").In(scope_.Const(std::vector<int32_t>{2})).In(Scalar(1)).Out();
  const TF_Output zeros = scope_.Op("Fill").In(scope_.Const(std::vector<int32_t>{2})).In(Scalar(0)).Out();
  const TF_Output none = Floats({0}, {}, "none");
  const TF_Output norm = Norm(x_, {ones, zeros, none, none}, true, "NHWC");
  const TF_Output scaled = Binary("Mul", norm, Vector("gamma"));
  EXPECT_EQ(Terms(Binary("AddV2", scaled, Vector("beta"), "shifted")), (Lines{"add shifted:0 beta:0"}));
}

TEST_F(HandMade, FindsTheOffsetOfABatchNormInTraining) {
  const TF_Output none = Floats({0}, {}, "none");
  EXPECT_EQ(Terms(Norm(x_, {Vector("g"), Vector("b"), none, none}, true, "NHWC")), (Lines{"add norm:0 b:0"}));
}

TEST(DependsOn, FollowsTheInputsOfATensor) {
  const auto model = LoadFixture("keras3-shared");
  const std::string right = model->input_tensors()[0];
  const std::string left = model->input_tensors()[1];
  const LayerRecord& encoder = FindRecord(*model, "encoder");
  ASSERT_EQ(encoder.calls.size(), 2U);
  const std::string of_right = encoder.calls[0].outputs[0];
  EXPECT_TRUE(model->DependsOn({of_right}, {right}));
  EXPECT_FALSE(model->DependsOn({of_right}, {left}));
  EXPECT_TRUE(model->DependsOn({of_right}, {left, right}));
  EXPECT_TRUE(model->DependsOn(model->output_tensors(), {of_right}));
  EXPECT_FALSE(model->DependsOn({of_right}, model->output_tensors()));
  EXPECT_TRUE(model->DependsOn({right}, {right}));
  EXPECT_FALSE(model->DependsOn({right}, {left}));
  const std::string kernel = FindRecord(*model, "encoder|conv").weights[0];
  EXPECT_TRUE(model->DependsOn({of_right}, {kernel}));
  EXPECT_FALSE(model->DependsOn({kernel}, {right}));
  EXPECT_FALSE(model->DependsOn({}, {right}));
  EXPECT_THROW(model->DependsOn({"nothing:0"}, {right}), tf::Error);
}

TEST(FindTensor, FindsWeightsByName) {
  for (const char* name : {"keras2-nested", "keras3-nested", "keras3-frozen", "module"}) {
    const auto model = LoadFixture(name);
    for (const TensorSpec& weight : model->weights()) {
      const TensorSpec* spec = model->FindTensor(weight.name);
      ASSERT_NE(spec, nullptr) << weight.name;
      EXPECT_EQ(spec->shape, weight.shape) << weight.name;
      EXPECT_EQ(spec->dtype, weight.dtype) << weight.name;
    }
  }
}

}  // namespace
}  // namespace ke::graph
