// Tests that a fused op becomes the plain ops that it stands for, in a graph and in a function.
#include "import/fused_ops.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "crafted_graph.h"
#include "graph_fixture.h"
#include "import/frozen_graph.h"
#include "tensorflow/protozero.h"

namespace ke::graph {
namespace {

using Attrs = std::vector<std::pair<std::string, std::string>>;

std::string Strings(const std::vector<std::string>& values) {
  std::string list;
  for (const std::string& value : values) protozero::pbf_writer(list).add_bytes(2, value);
  std::string attr;
  protozero::pbf_writer(attr).add_message(1, list);
  return attr;
}

std::string Float(float value) {
  std::string attr;
  protozero::pbf_writer(attr).add_float(4, value);
  return attr;
}

// Returns a Const with the values -0.5, 0.25, 1, -0.5, ..., all positive if `positive`.
CraftedNode Values(const std::string& name, const std::vector<int64_t>& dims, bool positive = false) {
  int64_t count = 1;
  for (const int64_t dim : dims) count *= dim;
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    values.push_back(positive ? 0.5F + 0.25F * static_cast<float>(i % 3)
                              : -0.5F + 0.75F * static_cast<float>(i % 3));
  }
  std::string content(values.size() * sizeof(float), '\0');
  std::memcpy(content.data(), values.data(), content.size());
  return ConstOf(name, TF_FLOAT, TensorOf(TF_FLOAT, dims, content));
}

const Attrs kConvolution = {{"T", TypeAttr(TF_FLOAT)},
                            {"strides", IntsAttr({1, 2, 1, 1})},
                            {"padding", StringAttr("VALID")},
                            {"data_format", StringAttr("NHWC")}};

Attrs With(Attrs attrs, const Attrs& more) {
  attrs.insert(attrs.end(), more.begin(), more.end());
  return attrs;
}

class FusedOps : public BadInput {
 protected:
  // Returns the outputs of the graph for a fixed input.
  std::vector<graph::Values> Run(const std::vector<CraftedNode>& nodes, const std::string& output,
                                 const std::vector<CraftedFunction>& functions = {}) const {
    LoadOptions options = At(Write("graph.pb", GraphBytes(nodes, functions)));
    options.outputs = {output};
    const auto model = ModelGraph::Load(options);
    graph::Values x{{2, 3, 3, 2}, {}};
    for (int i = 0; i < 36; ++i) x.data.push_back(static_cast<float>(i % 7) - 3.1F);
    if (model->inputs()[0].shape.rank() == 2) x.dims = {18, 2};
    return RunModel(*model, {x}, model->output_tensors());
  }

  void ExpectEqual(const std::vector<CraftedNode>& fused, const std::vector<CraftedNode>& plain) const {
    const graph::Values expected = Run(plain, "a/y")[0];
    ExpectClose(Run(fused, "a/y")[0], expected, "fused");
  }

  const CraftedNode x_ = Input(Shape::Of({-1, 3, 3, 2}));
  const CraftedNode kernel_ = Values("a/Conv2D/ReadVariableOp", {2, 2, 2, 3});
  const CraftedNode bias_ = Values("bias", {3});
  const CraftedNode conv_ = {"conv", "Conv2D", {"x", "a/Conv2D/ReadVariableOp"}, kConvolution};
  const CraftedNode sum_ = {"sum", "BiasAdd", {"conv", "bias"}};

  CraftedNode Fused(const std::vector<std::string>& ops, std::vector<std::string> arguments,
                    const Attrs& more = {}) const {
    arguments.insert(arguments.begin(), {"x", "a/Conv2D/ReadVariableOp"});
    return {"a/y", "_FusedConv2D", arguments, With(With(kConvolution, {{"fused_ops", Strings(ops)}}), more)};
  }
};

TEST_F(FusedOps, ConvolutionsWithABiasAndEveryActivation) {
  for (const char* activation : {"Relu", "Relu6", "Elu", "Tanh", "Sigmoid"}) {
    ExpectEqual({x_, kernel_, bias_, Fused({"BiasAdd", activation}, {"bias"})},
                {x_, kernel_, bias_, conv_, sum_, {"a/y", activation, {"sum"}}});
  }
  ExpectEqual({x_, kernel_, bias_, Fused({"BiasAdd"}, {"bias"})},
              {x_, kernel_, bias_, conv_, {"a/y", "BiasAdd", {"conv", "bias"}}});
  ExpectEqual(
      {x_, kernel_, bias_, Fused({"BiasAdd", "LeakyRelu"}, {"bias"}, {{"leakyrelu_alpha", Float(0.3F)}})},
      {x_,
       kernel_,
       bias_,
       conv_,
       sum_,
       {"a/y", "LeakyRelu", {"sum"}, {{"T", TypeAttr(TF_FLOAT)}, {"alpha", Float(0.3F)}}}});
}

TEST_F(FusedOps, AConvolutionWithABatchNorm) {
  const std::vector<CraftedNode> statistics = {Values("scale", {3}), Values("offset", {3}),
                                               Values("mean", {3}), Values("variance", {3}, true)};
  std::vector<CraftedNode> fused = {x_, kernel_};
  fused.insert(fused.end(), statistics.begin(), statistics.end());
  std::vector<CraftedNode> plain = fused;
  fused.push_back(Fused({"FusedBatchNorm", "Relu"}, {"scale", "offset", "mean", "variance"},
                        {{"epsilon", Float(0.01F)}}));
  plain.push_back(conv_);
  plain.push_back({"bn",
                   "FusedBatchNormV3",
                   {"conv", "scale", "offset", "mean", "variance"},
                   {{"T", TypeAttr(TF_FLOAT)},
                    {"U", TypeAttr(TF_FLOAT)},
                    {"epsilon", Float(0.01F)},
                    {"is_training", BoolAttr(false)}}});
  plain.push_back({"a/y", "Relu", {"bn"}});
  ExpectEqual(fused, plain);
}

TEST_F(FusedOps, AConvolutionWithASecondSummand) {
  const CraftedNode other = Values("other", {1, 1, 2, 3});
  ExpectEqual({x_, kernel_, bias_, other, Fused({"BiasAdd", "Add", "Relu"}, {"bias", "other"})},
              {x_,
               kernel_,
               bias_,
               other,
               conv_,
               sum_,
               {"added", "AddV2", {"sum", "other"}},
               {"a/y", "Relu", {"added"}}});
}

TEST_F(FusedOps, PreluAloneAndBehindAConvolution) {
  const CraftedNode alpha = Values("alpha", {1, 1, 3});
  const std::vector<CraftedNode> prelu = {{"above", "Relu", {"sum"}},
                                          {"minus", "Neg", {"sum"}},
                                          {"below", "Relu", {"minus"}},
                                          {"slope", "Neg", {"alpha"}},
                                          {"scaled", "Mul", {"slope", "below"}},
                                          {"a/y", "AddV2", {"above", "scaled"}}};
  std::vector<CraftedNode> plain = {x_, kernel_, bias_, alpha, conv_, sum_};
  plain.insert(plain.end(), prelu.begin(), prelu.end());
  ExpectEqual({x_, kernel_, bias_, alpha, Fused({"BiasAdd", "Prelu"}, {"bias", "alpha"})}, plain);
  // TensorFlow.js' converter writes no T.
  ExpectEqual({x_, kernel_, bias_, alpha, conv_, sum_, {"a/y", "Prelu", {"sum", "alpha"}, {}}}, plain);
}

TEST_F(FusedOps, ADepthwiseConvolutionWithoutABias) {
  const CraftedNode kernel = Values("dw/depthwise_weights", {2, 2, 2, 1});
  const Attrs square = {
      {"T", TypeAttr(TF_FLOAT)}, {"strides", IntsAttr({1, 1, 1, 1})}, {"padding", StringAttr("SAME")}};
  ExpectEqual({x_,
               kernel,
               {"a/y",
                "FusedDepthwiseConv2dNative",
                {"x", "dw/depthwise_weights"},
                With(square, {{"fused_ops", Strings({"NoOp", "Relu6"})}})}},
              {x_,
               kernel,
               {"dw", "DepthwiseConv2dNative", {"x", "dw/depthwise_weights"}, square},
               {"a/y", "Relu6", {"dw"}}});
}

TEST_F(FusedOps, AMatrixProductWithATransposedKernel) {
  const CraftedNode x = Input();
  const CraftedNode kernel = Values("kernel", {3, 2});
  const Attrs product = {{"T", TypeAttr(TF_FLOAT)}, {"transpose_b", BoolAttr(true)}};
  ExpectEqual({x,
               kernel,
               bias_,
               {"a/y",
                "_FusedMatMul",
                {"x", "kernel", "bias"},
                With(product, {{"fused_ops", Strings({"BiasAdd", "Elu"})}})}},
              {x,
               kernel,
               bias_,
               {"product", "MatMul", {"x", "kernel"}, product},
               {"sum", "BiasAdd", {"product", "bias"}},
               {"a/y", "Elu", {"sum"}}});
}

// The plain op names its output otherwise: references in the body of the function change.
TEST_F(FusedOps, InAFunction) {
  CraftedNode kernel = Values("kernel", {2, 3});
  const std::vector<CraftedNode> top = {Input(), CallOf("a/y", "f", "x")};
  const CraftedNode product = {"p",
                               "_FusedMatMul",
                               {"x", "kernel:output:0", "bias:output:0"},
                               {{"T", TypeAttr(TF_FLOAT)}, {"fused_ops", Strings({"BiasAdd", "Relu"})}}};
  const CraftedFunction fused = {"f", {kernel, bias_, product, {"n", "Neg", {"p:product:0"}}}, "n:y:0"};
  const CraftedFunction returned = {"f", {kernel, bias_, product}, "p:product:0"};
  const auto plain = [&](const std::string& last) {
    return CraftedFunction{"f",
                           {kernel,
                            bias_,
                            {"m", "MatMul", {"x", "kernel:output:0"}},
                            {"s", "BiasAdd", {"m:product:0", "bias:output:0"}},
                            {"p", "Relu", {"s:output:0"}},
                            {"n", "Neg", {"p:activations:0"}}},
                           last};
  };
  ExpectClose(Run(top, "a/y", {fused})[0], Run(top, "a/y", {plain("n:y:0")})[0], "used");
  ExpectClose(Run(top, "a/y", {returned})[0], Run(top, "a/y", {plain("p:activations:0")})[0], "returned");
}

// The product of a fused op gets back the name that the converter took.
TEST_F(FusedOps, KeepTheScopeOfTheKernel) {
  CraftedNode fused = Fused({"BiasAdd", "Relu"}, {"bias"});
  fused.name = "a_relu/Relu";
  LoadOptions options = At(Write("graph.pb", GraphBytes({x_, kernel_, bias_, fused})));
  const auto model = ModelGraph::Load(options);
  for (const char* tensor : {"a/Conv2D:0", "a/BiasAdd:0", "a_relu/Relu:0"}) {
    EXPECT_NE(model->FindTensor(tensor), nullptr) << tensor;
  }
  EXPECT_EQ(FindRecord(*model, "a").calls[0].outputs, std::vector<std::string>{"a/BiasAdd:0"});
  EXPECT_EQ(FindRecord(*model, "a_relu").calls[0].inputs, std::vector<std::string>{"a/BiasAdd:0"});
}

TEST_F(FusedOps, AreRefusedWithoutTheirInputsAndWithUnknownOps) {
  Refuse(GraphBytes({x_, kernel_, {"a/y", "Prelu", {"x"}}}), TF_DATA_LOSS, "'a/y' of op Prelu has 1 inputs");
  Refuse(GraphBytes({x_, kernel_, Fused({"BiasAdd"}, {})}), TF_DATA_LOSS, "'a/y' of op _FusedConv2D");
  Refuse(GraphBytes({x_, kernel_, bias_, Fused({"BiasAdd", "ReadFile"}, {"bias"})}), TF_UNIMPLEMENTED,
         "is fused with op ReadFile");
}

// A BiasAdd of TensorFlow.js adds tensors of any rank, for which TensorFlow has other ops.
TEST_F(FusedOps, ABiasOfTensorFlowJsMayBeATensor) {
  GraphParts parts;
  parts.path = "model.json";
  const CraftedNode two = Values("two", {1, 2});
  const CraftedNode kernel = Values("kernel", {2, 2});
  const std::vector<CraftedNode> nodes = {Input(),
                                          two,
                                          kernel,
                                          {"sum", "BiasAdd", {"x", "two"}},
                                          {"a/y",
                                           "_FusedMatMul",
                                           {"sum", "kernel", "x"},
                                           {{"T", TypeAttr(TF_FLOAT)}, {"fused_ops", Strings({"BiasAdd"})}}}};
  parts.graph_def = GraphBytes(nodes);
  parts.outputs = {{"y", "a/y"}};
  const auto model = ModelGraph::Of(ImportGraphParts(parts), "");
  const graph::Values x{{1, 2}, {0.5F, -2}};
  // sum = x + (-0.5, 0.25) = (0, -1.75); kernel = ((-0.5, 0.25), (1, -0.5)); sum * kernel + x
  ExpectClose(RunModel(*model, {x}, {"a/y:0"})[0], {{1, 2}, {-1.25F, -1.125F}}, "sum");
  Refuse(parts.graph_def, TF_INVALID_ARGUMENT, "BiasAdd");
}

}  // namespace
}  // namespace ke::graph
