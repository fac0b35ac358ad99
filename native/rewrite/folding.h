// Folds ops that scale and shift the channels of a convolution (a batch normalisation, as one op or several)
// into one convolution with a bias. TensorFlow's rewriter folds only constant kernels in graphs without
// gradients. Kernels here are variables (scope.h). Folding also removes the multiplications by the scale from
// the backward pass.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/flat_graph.h"
#include "rewrite/constant_vectors.h"

namespace ke::graph {

// A convolution and the following ops, each of which multiplies the channels by a constant or adds a constant
// to them. No other op reads a tensor between these ops.
struct ConvolutionChain {
  int convolution = -1;
  int kernel = -1;         // in FlatGraph::weights
  std::vector<int> steps;  // in order; the folded convolution replaces the output of the last step
  // The layout of the channels in the output.
  size_t rank = 0;
  size_t axis = 0;
  int64_t channels = 0;

  bool channels_first() const { return axis == 1; }
  int last() const { return steps.back(); }
};

// The replacement of a chain: the convolution with another kernel, and a bias for its channels.
struct FoldedConvolution {
  std::shared_ptr<TF_Tensor> kernel;  // in bfloat16 if requested
  std::shared_ptr<TF_Tensor> bias;    // in float32
};

class ConvolutionFolder {
 public:
  // Keeps references to both arguments.
  ConvolutionFolder(const FlatGraph& graph, const ConstantVectors::TensorSpecs& tensors);

  // Returns the chains among the nodes `needed`. The tensors `wanted` are requested by the caller. No chain
  // depends on a constant in `apart`.
  std::vector<ConvolutionChain> Find(const std::vector<bool>& needed, const std::vector<TensorId>& wanted,
                                     const std::vector<TensorId>& apart) const;

  // Returns the kernel and bias of a chain, computed in double precision, rounded once, and cached. Returns
  // null if one of the values is not finite. Thread-safe.
  const FoldedConvolution* Fold(const ConvolutionChain& chain, bool bfloat16) const;

 private:
  // x * scale + shift, per channel.
  struct Factors {
    std::vector<double> scale;
    std::vector<double> shift;
  };

  bool Begins(int convolution, const std::vector<char>& apart, ConvolutionChain* chain) const;
  bool IsPerChannel(TensorId tensor, const ConvolutionChain& chain) const;
  bool IsStep(int node, int before, const ConvolutionChain& chain) const;
  bool Apply(int node, int before, Factors* factors) const;
  std::shared_ptr<TF_Tensor> Kernel(int weight, const std::vector<double>& scale, bool bfloat16) const;

  const FlatGraph& graph_;
  ConstantVectors constants_;
  std::unordered_map<int, int> weights_;  // by node
  mutable std::mutex mutex_;
  // By the last op of the chain and whether the kernel is bfloat16. No op is the last of two chains.
  mutable std::map<std::pair<int, bool>, std::unique_ptr<const FoldedConvolution>> folded_;
  // By weight, scale and whether the kernel is bfloat16. A layer that is called several times has one kernel.
  mutable std::map<std::tuple<int, std::vector<double>, bool>, std::shared_ptr<TF_Tensor>> kernels_;
};

}  // namespace ke::graph
