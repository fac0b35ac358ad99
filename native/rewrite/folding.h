// Convolutions with what scales and shifts their channels behind them (a batch normalisation, in one op or in
// several) made one convolution with a bias. TensorFlow's rewriter does so for kernels that are constants, in
// graphs without gradients; ours are variables (scope.h), and with the ops the multiplications by the scale
// leave the backward pass, too.
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

// A convolution and the ops behind it that each multiply its channels by a constant or add one, where nobody
// else sees what is between them.
struct ConvolutionChain {
  int convolution = -1;
  int kernel = -1;         // in FlatGraph::weights
  std::vector<int> steps;  // in order; what the last gives, the folded convolution gives
  // How the channels lie in what it gives.
  size_t rank = 0;
  size_t axis = 0;
  int64_t channels = 0;

  bool channels_first() const { return axis == 1; }
  int last() const { return steps.back(); }
};

// What replaces a chain: the convolution with another kernel, and a bias for its channels.
struct FoldedConvolution {
  std::shared_ptr<TF_Tensor> kernel;  // of bfloat16 where that was asked for
  std::shared_ptr<TF_Tensor> bias;    // of float32
};

class ConvolutionFolder {
 public:
  // Both are kept by reference.
  ConvolutionFolder(const FlatGraph& graph, const ConstantVectors::TensorSpecs& tensors);

  // The chains among the nodes `needed`, of which the tensors `wanted` are asked for. None that is made of
  // one of the constants among `apart`.
  std::vector<ConvolutionChain> Find(const std::vector<bool>& needed, const std::vector<TensorId>& wanted,
                                     const std::vector<TensorId>& apart) const;

  // Its kernel and bias, computed in doubles and rounded once; made at the first call, and kept. Null where
  // one of their values is not finite. Of any thread.
  const FoldedConvolution* Fold(const ConvolutionChain& chain, bool bfloat16) const;

 private:
  // x * scale + shift, channel by channel.
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
  // By the chain's last op and whether it is of bfloat16: no op is the last of two chains.
  mutable std::map<std::pair<int, bool>, std::unique_ptr<const FoldedConvolution>> folded_;
  // By weight, scale and that: layers that are called several times have one kernel.
  mutable std::map<std::tuple<int, std::vector<double>, bool>, std::shared_ptr<TF_Tensor>> kernels_;
};

}  // namespace ke::graph
