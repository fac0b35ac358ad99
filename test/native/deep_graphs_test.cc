// The file determines the depth and the width of a model's graph. 100,000 ops in a row must neither overflow
// a stack nor take quadratic time. Every walk over a graph has a case here. A quadratic walk does not end
// within the time limit of the test.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "build/least_memory.h"
#include "crafted_graph.h"
#include "gradient/tape.h"
#include "model/model_graph.h"
#include "numerics/numerics_checks.h"
#include "rewrite/bfloat16.h"

namespace ke::graph {
namespace {

using tf::C;

constexpr int kDepth = 100'000;

class DeepGraphs : public BadInput {
 protected:
  std::shared_ptr<const ModelGraph> Load(const std::vector<CraftedNode>& nodes) const {
    return ModelGraph::Load(At(Write("graph.pb", GraphBytes(nodes))));
  }
  // Fails if the test took longer than any linear walk needs, on any machine and with any sanitizer.
  ~DeepGraphs() override {
    const auto taken = std::chrono::steady_clock::now() - begin_;
    EXPECT_LT(std::chrono::duration<double>(taken).count(), 120);
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

std::string Name(const std::string& base, int i) { return base + std::to_string(i); }

// Adds x, then kDepth ops of `type` in a row, from "op0" on.
std::vector<CraftedNode> Chain(const std::string& type, int depth = kDepth) {
  std::vector<CraftedNode> nodes = {Input()};
  nodes.reserve(2 * static_cast<size_t>(depth));
  for (int i = 0; i < depth; ++i) nodes.push_back({Name("op", i), type, {i == 0 ? "x" : Name("op", i - 1)}});
  return nodes;
}

TEST_F(DeepGraphs, LoadAndInstantiate) {
  const auto model = Load(Chain("Neg"));
  const std::string last = Name("op", kDepth - 1) + ":0";
  EXPECT_EQ(model->output_tensors(), std::vector<std::string>{last});
  EXPECT_TRUE(model->DependsOn({last}, {"x:0"}));
  EXPECT_FALSE(model->DependsOn({"x:0"}, {last}));
  EXPECT_TRUE(model->BiasTerms({last}, {}).empty());

  Scope scope;
  const TF_Output x = scope.Placeholder(TF_FLOAT, Shape::Of({-1, 2}), "x");
  const TF_Output y = model->Instantiate(&scope, {x}, {last})[0];
  EXPECT_GT(FindLeastMemory(scope.graph(), {x}, {y}).bytes, 0);
  EXPECT_TRUE(LogitsProducts({y, x}).empty());
  const TF_Output gradient = gradient::Gradient(&scope, &scope, {y}, {x}, {}, {})[0];
  EXPECT_EQ(GetShape(scope.graph(), gradient), Shape::Of({-1, 2}));
}

// The sources of a selected value are 100,000 ops back, and a selection of its own reads each of these ops.
TEST_F(DeepGraphs, PassNumericsChecks) {
  Scope scope;
  const TF_Output x = scope.Placeholder(TF_FLOAT, Shape::Of({-1}), "x");
  const TF_Output chosen = scope.Op("IsFinite").In(x).Out();
  TF_Output h = scope.Op("Log").In(x).Out();
  std::vector<TF_Output> results;
  for (int i = 0; i < kDepth; ++i) {
    h = scope.Op("Neg").In(h).Out();
    // With all of them, the import of the checked graph would dominate the time of the test.
    if (i % 4 == 0) results.push_back(scope.Op("SelectV2").In(chosen).In(h).In(x).Out());
  }
  results.push_back(scope.Op("SelectV2").In(chosen).In(h).In(x).Out());
  const TF_Output fetch = scope.Op("Identity").In(scope.Op("AddN").InList(results).Out()).Out();
  const tf::GraphPtr checked = WithNumericsChecks(
      scope.graph(), {{x}, {fetch}, {}, [](const std::string&) -> TF_Operation* { return nullptr; }});
  const auto check_of = [&](TF_Output value) {
    const std::string name = C().TF_OperationName(value.oper) + std::string("/numerics_0");
    return C().TF_GraphOperationByName(checked.get(), name.c_str());
  };
  // The inputs of the last selection come from x, and the unchecked value from the one Log, through all Negs.
  TF_Operation* check = check_of(results.back());
  ASSERT_NE(check, nullptr);
  ASSERT_EQ(C().TF_OperationNumInputs(check), 3);
  EXPECT_STREQ(C().TF_OperationName(C().TF_OperationInput({check, 2}).oper), "Log");
  EXPECT_EQ(check_of(h), nullptr);
}

// Each op joins the sources of all earlier ops with one more source.
TEST_F(DeepGraphs, LimitTheSourcesOfNumericsChecks) {
  Scope scope;
  const TF_Output x = scope.Placeholder(TF_FLOAT, Shape::Of({1}), "x");
  const TF_Output chosen = scope.Op("IsFinite").In(x).Out();
  TF_Output h = x;
  for (int i = 0; i < 2000; ++i) {
    const TF_Output log = scope.Op("Log").In(x).Out();
    h = i == 0 ? log : scope.Op("ConcatV2").InList({h, log}).In(scope.Const(0)).Out();
  }
  const TF_Output fetch = scope.Op("Identity").In(scope.Op("SelectV2").In(chosen).In(h).In(x).Out()).Out();
  try {
    WithNumericsChecks(scope.graph(),
                       {{x}, {fetch}, {}, [](const std::string&) -> TF_Operation* { return nullptr; }});
    FAIL() << "two million sources are looked back at";
  } catch (const tf::Error& error) {
    EXPECT_EQ(error.code(), TF_OUT_OF_RANGE) << error.what();
  }
}

// An op reads each Identity of the chain. The uses of an Identity must not be listed again for every Identity
// before it.
TEST_F(DeepGraphs, ReadConstantsThroughLongChains) {
  std::vector<CraftedNode> nodes = Chain("Identity");
  nodes.push_back(ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, {2})));
  std::string from = "c";
  for (int i = 0; i < kDepth; ++i) {
    const std::string name = Name("i", i);
    nodes.push_back({name, "Identity", {from}});
    from = name;
  }
  nodes.push_back({"y", "BiasAdd", {Name("op", kDepth - 1), from}});
  for (int i = 0; i < kDepth; ++i) nodes.push_back({Name("r", i), "Relu", {Name("i", i)}});
  LoadOptions options = At(Write("graph.pb", GraphBytes(nodes)));
  options.outputs = {"y"};
  for (int i = 0; i < kDepth; i += 4) options.outputs.push_back(Name("r", i));
  const auto model = ModelGraph::Load(options);
  ASSERT_EQ(model->weights().size(), 1U);
  EXPECT_EQ(model->weights()[0].name, "bias");
  EXPECT_EQ(model->BiasTerms({"y:0"}, {}).size(), 1U);
}

// Sums, each of which the next may repeat along an axis.
TEST_F(DeepGraphs, FindBiasesInLongSums) {
  std::vector<CraftedNode> nodes = {Input(Shape::Of({-1, 1})),
                                    ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, {1}))};
  for (int i = 0; i < kDepth; ++i) {
    nodes.push_back({Name("op", i), "AddV2", {i == 0 ? "x" : Name("op", i - 1), "c"}});
  }
  const auto model = Load(nodes);
  const auto terms = model->BiasTerms(model->output_tensors(), {});
  ASSERT_EQ(terms.size(), static_cast<size_t>(kDepth));
  EXPECT_EQ(terms.back().tensor, Name("op", kDepth - 1) + ":0");
}

// One layer per op, each with its own weight, in two scopes of all layers.
TEST_F(DeepGraphs, FindManyLayers) {
  constexpr int kLayers = 30'000;
  std::vector<CraftedNode> nodes = {Input()};
  std::string from = "x";
  for (int i = 0; i < kLayers; ++i) {
    const std::string layer = "model/" + Name("dense", i);
    nodes.push_back(ConstOf(layer + "/bias", TF_FLOAT, TensorOf(TF_FLOAT, {2})));
    nodes.push_back({layer + "/BiasAdd", "BiasAdd", {from, layer + "/bias"}});
    from = nodes.back().name;
  }
  const auto model = Load(nodes);
  EXPECT_EQ(model->weights().size(), static_cast<size_t>(kLayers));
  EXPECT_GE(model->layers().size(), static_cast<size_t>(kLayers));
  const LayerRecord* last = model->LayerOf(from);
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->name, Name("dense", kLayers - 1));
}

// "a_1", "a_1_1", ...: whether a number belongs to a later call depends on the scope before. Other scopes
// show that scopes are numbered in this graph.
TEST_F(DeepGraphs, HandleNestedNumbersOfScopes) {
  constexpr int kScopes = 4000;
  std::vector<CraftedNode> nodes = {Input()};
  std::string from = "x";
  const auto add = [&](const std::string& scope) {
    nodes.push_back({scope + "/Neg", "Neg", {from}});
    from = nodes.back().name;
  };
  std::string scope = "a";
  for (int i = 0; i < kScopes; ++i) add(scope += "_1");
  for (int i = 0; i <= kScopes; ++i) add(Name("b", i) + "_1");
  const auto model = Load(nodes);
  ASSERT_EQ(model->layers().size(), size_t{2 * kScopes + 1});
  EXPECT_EQ(model->layers()[0].name, "a");
  EXPECT_EQ(model->layers()[kScopes - 1].name, scope.substr(0, scope.size() - 2));
}

// 40,000 functions, each with a node of the same name.
TEST_F(DeepGraphs, HandleManyNodesOfOneName) {
  constexpr int kFunctions = 40'000;
  std::vector<CraftedNode> nodes = {Input()};
  std::vector<CraftedFunction> functions;
  for (int i = 0; i < kFunctions; ++i) {
    functions.push_back({Name("f", i), {{"r", "Relu", {"x"}}}, "r:activations:0"});
    nodes.push_back(CallOf(Name("c", i), Name("f", i), i == 0 ? "x" : Name("c", i - 1)));
  }
  const auto model = ModelGraph::Load(At(Write("graph.pb", GraphBytes(nodes, functions))));
  EXPECT_EQ(model->output_tensors(), std::vector<std::string>{Name("r_", kFunctions - 1) + ":0"});
}

}  // namespace
}  // namespace ke::graph
