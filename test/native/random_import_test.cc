// Tests of the import of random numbers: crafted graphs with ops that draw, and what is refused.
#include <gtest/gtest.h>

#include "crafted_graph.h"
#include "graph_fixture.h"
#include "ir/op_traits.h"
#include "ir/random_ops.h"
#include "wire/write_tensor.h"

namespace ke::graph {
namespace {

CraftedNode IntsOf(const std::string& name, const std::vector<int64_t>& values) {
  return {name,
          "Const",
          {},
          {{"dtype", TypeAttr(TF_INT32)}, {"value", IntTensorAttr(TF_INT32, {std::ssize(values)}, values)}}};
}

CraftedNode UniformOf(const std::string& name, const std::vector<std::string>& inputs) {
  return {name, "RandomUniform", inputs, {{"T", TypeAttr(TF_INT32)}, {"dtype", TypeAttr(TF_FLOAT)}}};
}

CraftedNode WhileOf(const std::string& condition, const std::string& body) {
  return {"y",
          "While",
          {"x"},
          {{"T", TypesAttr({TF_FLOAT})},
           {"cond", FunctionAttr(condition)},
           {"body", FunctionAttr(body)},
           {"output_shapes", ShapesAttr({Shape::Of({-1, 2})})}}};
}

class RandomImport : public BadInput {
 protected:
  LoadOptions Random(const std::string& graph) const {
    LoadOptions options = At(Write("graph.pb", graph));
    options.allow_random = true;
    return options;
  }
  void RefuseRandom(const std::string& graph, TF_Code code, const std::string& message) const {
    ExpectError(Random(graph), code, message);
  }
};

TEST_F(RandomImport, TakesTheSeedAsTheLastInput) {
  const std::string graph = GraphBytes(
      {Input(), IntsOf("sizes", {2}), UniformOf("random", {"sizes"}), {"y", "AddV2", {"x", "random"}}});
  Refuse(graph, TF_UNIMPLEMENTED, "`allowRandom: true`");
  const auto model = ModelGraph::Load(Random(graph));
  EXPECT_TRUE(model->draws_random());
  ASSERT_EQ(model->inputs().size(), 2U);
  EXPECT_EQ(model->inputs()[1].dtype, TF_INT32);
  EXPECT_EQ(model->inputs()[1].shape, Shape::Of({}));
  EXPECT_TRUE(model->is_repeatable());
  EXPECT_FALSE(model->MixesSamples({"y"}));
}

TEST_F(RandomImport, RunsAnOpThatTheCallerNamesAsItIs) {
  LoadOptions options = At(Write(
      "graph.pb",
      GraphBytes(
          {Input(), IntsOf("sizes", {2}), UniformOf("random", {"sizes"}), {"y", "AddV2", {"x", "random"}}})));
  options.allow_ops = {"RandomUniform"};
  const auto model = ModelGraph::Load(options);
  EXPECT_FALSE(model->draws_random());
  EXPECT_FALSE(model->is_repeatable());
}

TEST_F(RandomImport, RefusesDrawsThatDifferFromTurnToTurnWithoutACounter) {
  const CraftedFunction noisy{"noisy",
                              {IntsOf("sizes", {2}),
                               UniformOf("random", {"sizes:output:0"}),
                               {"sum", "AddV2", {"x", "random:output:0"}}},
                              "sum:z:0"};
  const CraftedFunction no{
      "no", {ConstOf("no", TF_BOOL, TensorOf(TF_BOOL, {}, std::string(1, '\0')))}, "no:output:0", TF_BOOL};
  RefuseRandom(GraphBytes({Input(), WhileOf("no", "noisy")}, {no, noisy}), TF_UNIMPLEMENTED,
               "in a loop that does not count its turns");
  CraftedFunction condition{"maybe", noisy.nodes, "any:output:0", TF_BOOL};
  condition.nodes.push_back({"finite", "IsFinite", {"random:output:0"}});
  condition.nodes.push_back(IntsOf("zero", {0}));
  condition.nodes.push_back({"any", "Any", {"finite:y:0", "zero:output:0"}, {{"Tidx", TypeAttr(TF_INT32)}}});
  const CraftedFunction same{"same", {{"neg", "Neg", {"x"}}}, "neg:y:0"};
  RefuseRandom(GraphBytes({Input(), WhileOf("maybe", "same")}, {condition, same}), TF_UNIMPLEMENTED,
               "in the condition of a loop");
}

TEST_F(RandomImport, RefusesDamagedDraws) {
  RefuseRandom(GraphBytes({Input(), UniformOf("random", {}), {"y", "AddV2", {"x", "random"}}}), TF_DATA_LOSS,
               "inputs");
  const CraftedNode skip{"skip", "RngReadAndSkip", {"x", "x", "x"}, {}};
  RefuseRandom(
      GraphBytes({Input(),
                  skip,
                  {"y", "Cast", {"skip"}, {{"SrcT", TypeAttr(TF_INT64)}, {"DstT", TypeAttr(TF_FLOAT)}}}}),
      TF_UNIMPLEMENTED, "no variable");
  RefuseRandom(GraphBytes({Input(), {"skip", "RngReadAndSkip", {}, {}}, {"y", "Neg", {"skip"}}}),
               TF_DATA_LOSS, "reads no variable");
  const CraftedNode shuffle{"y", "RandomShuffle", {"x"}, {{"T", TypeAttr(TF_FLOAT)}}};
  RefuseRandom(GraphBytes({Input(), shuffle}), TF_UNIMPLEMENTED, "no seed can repeat");
}

TEST(RandomOps, AreOpsThatOnlyCompute) {
  for (const auto& [op, traits] : AllOpTraits()) {
    if (!DrawsFromState(op) || SeededOp(op).empty()) continue;
    ASSERT_NE(DrawOf(SeededOp(op)), nullptr) << op;
    EXPECT_TRUE(IsRepeatable(SeededOp(op))) << op;
  }
  // Every stateless op that draws is known, so that the samples which it mixes are found.
  for (const auto& [op, traits] : AllOpTraits()) {
    const bool draws = op.starts_with("Stateless") && !op.starts_with("StatelessRandomGet");
    if (draws && HasTrait(op, trait::kPure)) {
      EXPECT_NE(DrawOf(op), nullptr) << op;
    }
  }
}

}  // namespace
}  // namespace ke::graph
