// Tests of the limits on files (wire/bounds.h): each limit has a graph above the limit, and most have a graph
// below it.
#include <gtest/gtest.h>

#include "crafted_graph.h"
#include "tensorflow/protozero.h"
#include "wire/bounds.h"
#include "wire/json.h"

namespace ke::graph {
namespace {

using protozero::pbf_writer;

using Bounds = BadInput;

constexpr int64_t kHuge = int64_t{1} << 40;

// y = x + c
std::string WithConst(const CraftedNode& constant) {
  return GraphBytes({Input(), constant, {"y", "AddV2", {"x", constant.name}}});
}

TEST_F(Bounds, RefuseAConstantLargerThanItsFile) {
  EXPECT_NO_THROW(
      ModelGraph::Load(At(Write("graph.pb", WithConst(ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, {2})))))));
  Refuse(WithConst(ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, {kHuge}))), TF_OUT_OF_RANGE,
         "attribute 'value' of 'c' is beyond any real model: at most 1073741824 bytes");
  // Strings take memory even if they have no bytes.
  Refuse(GraphBytes({ConstOf("c", TF_STRING, TensorOf(TF_STRING, {kHuge})),
                     Input(),
                     {"y", "StringToNumber", {"c"}, {{"out_type", TypeAttr(TF_FLOAT)}}}}),
         TF_OUT_OF_RANGE, "attribute 'value' of 'c'");
}

// Each constant is small enough. Together they are too large.
TEST_F(Bounds, CountConstantsTogether) {
  std::vector<CraftedNode> nodes = {Input()};
  std::string sum = "x";
  for (int i = 0; i < 3; ++i) {
    const std::string number = std::to_string(i);
    nodes.push_back(ConstOf("c" + number, TF_FLOAT, TensorOf(TF_FLOAT, {100 << 20})));
    nodes.push_back({"s" + number, "AddV2", {sum, "c" + number}});
    sum = "s" + number;
  }
  Refuse(GraphBytes(nodes), TF_OUT_OF_RANGE, "attribute 'value' of 'c2'");
}

TEST_F(Bounds, RefuseAConstantThatDoesNotMatchItsShape) {
  Refuse(WithConst(ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, {2}, std::string(4, '\0')))), TF_DATA_LOSS,
         "expected 8 bytes for shape (2), found 4");
  Refuse(WithConst(ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, {-1}))), TF_DATA_LOSS, "must be known");
  Refuse(WithConst(ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, {-7}))), TF_DATA_LOSS, "a dimension of -7");
  Refuse(WithConst(ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, {kHuge, kHuge}))), TF_OUT_OF_RANGE, "elements");
  Refuse(WithConst(ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, {kHuge, 0, kHuge}))), TF_OUT_OF_RANGE,
         "elements");
  Refuse(WithConst(ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, std::vector<int64_t>(255, 1)))), TF_OUT_OF_RANGE,
         "at most 254 dimensions");
}

// A handle could refer to resources outside the model, and variants are parsed by code of their own.
TEST_F(Bounds, RefuseAConstantWithoutPlainValues) {
  for (const TF_DataType dtype : {TF_RESOURCE, TF_VARIANT, static_cast<TF_DataType>(9999)}) {
    Refuse(GraphBytes({ConstOf("c", dtype, TensorOf(dtype, {})),
                       {"y", "Identity", {"c"}, {{"T", TypeAttr(dtype)}}},
                       Input(),
                       {"z", "Relu", {"x"}}}),
           TF_UNIMPLEMENTED, "of which a model may hold no constant");
  }
}

TEST_F(Bounds, RefuseImpossibleShapes) {
  const auto with_input = [](const std::vector<int64_t>& dims) {
    return GraphBytes({Input(Shape::Of(dims)), {"y", "Relu", {"x"}}});
  };
  EXPECT_NO_THROW(ModelGraph::Load(At(Write("graph.pb", with_input({-1, 224, 224, 3})))));
  Refuse(with_input({kHuge, kHuge}), TF_OUT_OF_RANGE, "of input 'x'");
  Refuse(with_input({-1, kHuge, kHuge}), TF_OUT_OF_RANGE, "of input 'x'");
  Refuse(with_input({-2, 3}), TF_DATA_LOSS, "input 'x' has a dimension of -2");
  Refuse(with_input(std::vector<int64_t>(300, -1)), TF_OUT_OF_RANGE, "the rank of input 'x'");
  const std::string absurd = ShapeAttr(Shape::Of({kHuge, kHuge}));
  Refuse(GraphBytes({Input(), {"y", "EnsureShape", {"x"}, {{"T", TypeAttr(TF_FLOAT)}, {"shape", absurd}}}}),
         TF_OUT_OF_RANGE, "attribute 'shape' of 'y'");
}

// TensorFlow allocates a list with as many entries as the attribute declares.
TEST_F(Bounds, LimitTheInputsAndOutputsOfOps) {
  const CraftedNode axis = ConstOf("axis", TF_INT32, TensorOf(TF_INT32, {}, std::string(4, '\0')));
  const std::string most = IntAttr(INT32_MAX);
  Refuse(
      GraphBytes(
          {Input(), axis, {"y", "Split", {"axis", "x"}, {{"T", TypeAttr(TF_FLOAT)}, {"num_split", most}}}}),
      TF_OUT_OF_RANGE, "at most 4000000 tensors");
  Refuse(GraphBytes({Input(), {"y", "AddN", {"x"}, {{"T", TypeAttr(TF_FLOAT)}, {"N", most}}}}), TF_DATA_LOSS,
         "takes 2147483647 tensors as 'inputs', but has 1 inputs");
}

TEST_F(Bounds, CountNodesOfAFile) {
  // Nodes of two bytes each, without a name.
  std::string bytes = GraphBytes({Input(), {"y", "Relu", {"x"}}});
  for (int64_t i = 0; i <= bounds::kItems / bounds::kItemsOfNode; ++i) bytes.append("\x0a\x00", 2);
  Refuse(bytes, TF_OUT_OF_RANGE, "the graph is beyond any real model");
  CraftedNode node{"y", "Relu", {"x"}};
  for (int64_t i = 0; i <= bounds::kAttrs; ++i) node.attrs.emplace_back("a" + std::to_string(i), IntAttr(1));
  Refuse(GraphBytes({Input(), node}), TF_OUT_OF_RANGE, "at most 1000 attributes");
}

// A body of 2,000 nodes that is called 30,000 times makes 60 million nodes.
TEST_F(Bounds, CountNodesOfCalls) {
  std::vector<CraftedNode> body;
  for (int i = 0; i < 2000; ++i) {
    body.push_back(
        {"r" + std::to_string(i), "Relu", {i == 0 ? "x" : "r" + std::to_string(i - 1) + ":activations:0"}});
  }
  std::vector<CraftedNode> nodes = {Input()};
  for (int i = 0; i < 30'000; ++i) {
    nodes.push_back(CallOf("c" + std::to_string(i), "f", i == 0 ? "x" : "c" + std::to_string(i - 1)));
  }
  Refuse(GraphBytes(nodes, {{"f", body, "r0:activations:0"}}), TF_OUT_OF_RANGE, "at most 10000000 nodes");
  // Names that grow with each call.
  std::vector<CraftedNode> named = {Input()};
  const std::string scope(100'000, 's');
  for (int i = 0; i < 20; ++i) {
    named.push_back(
        CallOf(scope + std::to_string(i) + "/c", "f", i == 0 ? "x" : scope + std::to_string(i - 1) + "/c"));
  }
  Refuse(GraphBytes(named, {{"f", body, "r0:activations:0"}}), TF_OUT_OF_RANGE, "bytes of names");
}

// Calls that only pass their argument on. Each consumer follows all calls, which ends only after 2^27 steps.
TEST_F(Bounds, LimitTheStepsThroughCalls) {
  constexpr int kCallsInARow = 8192;
  std::vector<CraftedNode> nodes = {Input()};
  for (int i = 0; i < kCallsInARow; ++i) {
    const std::string call = "c" + std::to_string(i);
    nodes.push_back(CallOf(call, "f", i == 0 ? "x" : "c" + std::to_string(i - 1)));
    nodes.push_back({"r" + std::to_string(i), "Relu", {call}});
  }
  Refuse(GraphBytes(nodes, {{"f", {}, "x"}}), TF_OUT_OF_RANGE, "at most 10000000 steps");
}

// TensorFlow merges a field that is written in parts: two valid shapes make an invalid shape.
TEST_F(Bounds, RefuseAnAttributeWrittenTwice) {
  std::string part = TensorOf(TF_FLOAT, {1 << 20});
  std::string twice;
  {
    pbf_writer attr(twice);
    attr.add_message(8, part);
    attr.add_message(8, part);
  }
  CraftedNode constant = ConstOf("c", TF_FLOAT, TensorOf(TF_FLOAT, {2}));
  constant.attrs[1].second = twice;
  Refuse(WithConst(constant), TF_DATA_LOSS, "attribute 'value' of 'c' contradicts itself");
  Refuse(WithConst(ConstOf("c", TF_FLOAT, part + TensorOf(TF_FLOAT, {1 << 20}))), TF_DATA_LOSS,
         "attribute 'value' of 'c' contradicts itself");
}

// A sparse file takes no disk space.
TEST_F(Bounds, LimitTheSizeOfFiles) {
  const std::string graph = Write("graph.pb", GraphBytes({Input()}));
  std::filesystem::resize_file(graph, bounds::kGraphBytes + 1);
  ExpectError(At(graph), TF_OUT_OF_RANGE, "at most 2147483647 bytes");
  const std::string model = Copy("keras2-shared");
  std::filesystem::resize_file(model + "/variables/variables.index", bounds::kSideFileBytes + 1);
  ExpectError(At(model), TF_OUT_OF_RANGE, "the index of the model's variables");
}

TEST_F(Bounds, LimitJson) {
  const auto list = [](int64_t values) {
    std::string text = "[1";
    for (int64_t i = 1; i < values; ++i) text += ",1";
    return text + "]";
  };
  EXPECT_TRUE(Json::Parse(list(1000)));
  EXPECT_FALSE(Json::Parse(list(bounds::kJsonValues)));
  EXPECT_TRUE(Json::Parse(std::string(bounds::kJsonDepth, '[') + std::string(bounds::kJsonDepth, ']')));
  EXPECT_FALSE(Json::Parse(std::string(100'000, '[') + std::string(100'000, ']')));
}

}  // namespace
}  // namespace ke::graph
