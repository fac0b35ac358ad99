#include "ir/flat_graph_builder.h"

#include <gtest/gtest.h>

#include "ir/tensor_specs.h"
#include "tensorflow/error.h"

namespace ke::graph {
namespace {

TEST(FlatGraphBuilder, BuildsAGraphThatTensorFlowAccepts) {
  FlatGraphBuilder builder;
  const TensorId x = builder.AddInput("x", {"image", TF_FLOAT, Shape::Of({-1, 2})});
  const int kernel = builder.AddWeight("dense/kernel", TF_FLOAT, Shape::Of({2, 3}));
  const TensorId read{builder.graph().weights[kernel].node, 0};
  const TensorId y = builder.AddOp("dense/MatMul", "MatMul", {x, read}, {{"T", TypeAttr(TF_FLOAT)}});
  const TensorId axis = builder.AddInt32("axis", 1);
  const TensorId best = builder.AddOp("best", "ArgMax", {y, axis}, {{"T", TypeAttr(TF_FLOAT)}});
  builder.AddOutput(best, {"unit", TF_FLOAT, Shape::Unknown()});
  FlatGraph graph = builder.Finish();
  const TensorSpecs tensors = InferTensors(&graph);
  EXPECT_EQ(ToString(tensors.at("dense/MatMul:0").shape), ToString(Shape::Of({-1, 3})));
  ASSERT_EQ(graph.output_specs.size(), 1U);
  EXPECT_EQ(graph.output_specs[0].dtype, TF_INT64);
  EXPECT_EQ(ToString(graph.output_specs[0].shape), ToString(Shape::Of({-1})));
  EXPECT_EQ(graph.input_specs[0].name, "image");
  EXPECT_EQ(graph.TensorName(graph.inputs[0]), "x:0");
}

TEST(FlatGraphBuilder, AddsSuffixesToEqualNames) {
  FlatGraphBuilder builder;
  const auto name = [&](const char* wanted) {
    return builder.graph().nodes[builder.AddInt32(wanted, 0).node].name;
  };
  EXPECT_EQ(name("a"), "a");
  EXPECT_EQ(name("a"), "a_1");
  EXPECT_EQ(name("a_2"), "a_2");
  EXPECT_EQ(name("a"), "a_3");
  EXPECT_EQ(name("a_1"), "a_1_1");
}

TEST(FlatGraphBuilder, RefusesInvalidTensorAttributes) {
  FlatGraphBuilder builder;
  try {
    builder.AddOp("x", "Placeholder", {}, {{"shape", ShapeAttr(Shape::Of({-5}))}});
    FAIL() << "a dimension of -5 is taken";
  } catch (const tf::Error& error) {
    EXPECT_EQ(error.code(), TF_DATA_LOSS) << error.what();
  }
}

}  // namespace
}  // namespace ke::graph
