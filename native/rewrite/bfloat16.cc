#include "rewrite/bfloat16.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "wire/is_any_of.h"

namespace ke::graph {

using tf::C;

namespace {

// Their first input passes through.
constexpr std::string_view kPassing[] = {"Identity", "BiasAdd", "BiasAddV1", "AddV2",    "Add",
                                         "Cast",     "Reshape", "Squeeze",   "GatherV2", "GatherNd",
                                         "Softmax",  "Sigmoid", "Tanh",      "Mul",      "Transpose"};
constexpr std::string_view kProducts[] = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3",
                                          "Einsum", "Conv2D",      "Conv3D"};

constexpr std::string_view kConvolutions[] = {"Conv2D", "Conv3D", "DepthwiseConv2dNative",
                                              "Conv2DBackpropInput"};
constexpr int kKernelInput = 1;

uint16_t Rounded(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40);  // a quiet one
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

}  // namespace

std::vector<TF_Operation*> LogitsProducts(const std::vector<TF_Output>& fetches) {
  std::vector<TF_Operation*> products;
  for (const TF_Output& fetch : fetches) {
    TF_Operation* op = fetch.oper;
    while (IsAnyOf(C().TF_OperationOpType(op), kPassing)) op = C().TF_OperationInput({op, 0}).oper;
    if (IsAnyOf(C().TF_OperationOpType(op), kProducts)) products.push_back(op);
  }
  return products;
}

std::vector<bool> FindKernels(const FlatGraph& graph) {
  std::vector<char> convolved(graph.nodes.size(), 0);
  std::vector<char> otherwise(graph.nodes.size(), 0);
  for (const FlatNode& node : graph.nodes) {
    const bool convolution = IsAnyOf(node.op, kConvolutions);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      (convolution && i == kKernelInput ? convolved : otherwise)[node.inputs[i].node] = 1;
    }
  }
  std::vector<bool> kernels;
  for (const FlatWeight& weight : graph.weights) {
    kernels.push_back(weight.dtype == TF_FLOAT && convolved[weight.node] != 0 && otherwise[weight.node] == 0);
  }
  return kernels;
}

std::shared_ptr<TF_Tensor> ToBfloat16(const TF_Tensor* tensor) {
  tf::TensorPtr made = tf::AllocateTensor(TF_BFLOAT16, tf::Dims(tensor));
  const auto* from = static_cast<const float*>(C().TF_TensorData(tensor));
  auto* to = static_cast<uint16_t*>(C().TF_TensorData(made.get()));
  std::transform(from, from + C().TF_TensorElementCount(tensor), to, Rounded);
  return made;
}

}  // namespace ke::graph
