#include "rewrite/folding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ir/op_traits.h"
#include "rewrite/bfloat16.h"
#include "wire/proto.h"

namespace ke::graph {

using tf::C;

namespace {

enum BatchNormInput { kX, kScale, kOffset, kMean, kVariance, kBatchNormInputs };

// Special values for the reader of a node: no reader; or several readers, or the caller.
constexpr int kNobody = -1;
constexpr int kMany = -2;

// Returns the rank of the convolution's output. Returns 0 if the op is no convolution, or if the last axes of
// its kernel are not the channels.
size_t RankOf(std::string_view op) {
  if (op == "Conv2D" || op == "DepthwiseConv2dNative") return 4;
  return op == "Conv3D" ? 5 : 0;
}

// Returns the axis of the channels, or 0 if the axis is unknown. BiasAdd uses NHWC and NCHW for any rank.
size_t ChannelAxis(const FlatNode& node, size_t rank) {
  const std::string_view format = proto::AttrString(node.Attr("data_format")).value_or("NHWC");
  if (format == "NHWC" || format == "NDHWC") return rank - 1;
  return format == "NCHW" || format == "NCDHW" ? 1 : 0;
}

bool IsFinite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

// Returns values[i] * scale[i % scale.size()], rounded once, or null if a product is not finite.
std::shared_ptr<TF_Tensor> Scaled(const TF_Tensor* values, const std::vector<double>& scale) {
  tf::TensorPtr made = tf::AllocateTensor(TF_FLOAT, tf::Dims(values));
  const auto* from = static_cast<const float*>(C().TF_TensorData(values));
  auto* to = static_cast<float*>(C().TF_TensorData(made.get()));
  const size_t channels = scale.size();
  const auto count = static_cast<size_t>(C().TF_TensorElementCount(values));
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t bad = 0;
  for (size_t row = 0; row < count; row += channels) {
    for (size_t i = 0; i < channels; ++i) {
      const auto product = static_cast<float>(from[row + i] * scale[i]);
      to[row + i] = product;
      bad |= static_cast<uint32_t>((std::bit_cast<uint32_t>(product) & kExponent) == kExponent);
    }
  }
  if (bad != 0) return nullptr;
  return made;
}

}  // namespace

ConvolutionFolder::ConvolutionFolder(const FlatGraph& graph, const ConstantVectors::TensorSpecs& tensors)
    : graph_(graph), constants_(graph, tensors) {
  for (size_t i = 0; i < graph.weights.size(); ++i) {
    weights_.emplace(graph.weights[i].node, static_cast<int>(i));
  }
}

// Returns whether a chain may begin with the node. Fills `chain` except for the steps.
bool ConvolutionFolder::Begins(int convolution, const std::vector<char>& apart,
                               ConvolutionChain* chain) const {
  const FlatNode& node = graph_.nodes[convolution];
  chain->convolution = convolution;
  chain->rank = node.kind == FlatNode::Kind::kOp ? RankOf(node.op) : 0;
  if (chain->rank == 0 || node.inputs.size() != 2) return false;
  chain->axis = ChannelAxis(node, chain->rank);
  if (chain->axis == 0) return false;
  const int kernel = node.inputs[1].node;
  const auto weight = weights_.find(kernel);
  if (weight == weights_.end() || apart[kernel] != 0) return false;
  chain->kernel = weight->second;
  const FlatWeight& value = graph_.weights[weight->second];
  if (value.dtype != TF_FLOAT || value.shape.rank() != static_cast<int>(chain->rank)) return false;
  const std::vector<int64_t>& dims = value.shape.dims;
  if (std::any_of(dims.begin(), dims.end(), [](int64_t dim) { return dim < 1; })) return false;
  chain->channels = dims.back();
  // A depthwise kernel multiplies the channels by this factor.
  if (node.op == "DepthwiseConv2dNative") chain->channels *= dims[dims.size() - 2];
  return true;
}

// Returns whether the constant has one value per channel, or one value for all channels, when broadcast to
// the activations.
bool ConvolutionFolder::IsPerChannel(TensorId tensor, const ConvolutionChain& chain) const {
  const std::vector<int64_t>* dims = tensor.output == 0 ? constants_.Dims(tensor.node) : nullptr;
  if (dims == nullptr || dims->size() > chain.rank) return false;
  const size_t missing = chain.rank - dims->size();
  for (size_t i = 0; i < dims->size(); ++i) {
    const int64_t dim = (*dims)[i];
    if (dim != 1 && (i + missing != chain.axis || dim != chain.channels)) return false;
  }
  return true;
}

bool ConvolutionFolder::IsStep(int index, int before, const ConvolutionChain& chain) const {
  const FlatNode& node = graph_.nodes[index];
  const auto is_vector = [&](TensorId input) {
    const std::vector<int64_t>* dims = input.output == 0 ? constants_.Dims(input.node) : nullptr;
    return dims != nullptr && *dims == std::vector<int64_t>{chain.channels};
  };
  const bool is_first = !node.inputs.empty() && node.inputs[0].node == before;
  if (HasTrait(node.op, trait::kBatchNorm)) {
    return node.inputs.size() == kBatchNormInputs && is_first &&
           !proto::AttrBool(node.Attr("is_training")).value_or(true) &&
           ChannelAxis(node, chain.rank) == chain.axis &&
           std::all_of(node.inputs.begin() + kScale, node.inputs.end(), is_vector);
  }
  if (node.inputs.size() != 2) return false;
  if (HasTrait(node.op, trait::kBiasAdd)) {
    return is_first && ChannelAxis(node, chain.rank) == chain.axis && is_vector(node.inputs[1]);
  }
  if (!HasTrait(node.op, trait::kAffine) && !(node.op == "RealDiv" && is_first)) return false;
  return IsPerChannel(node.inputs[is_first ? 1 : 0], chain);
}

std::vector<ConvolutionChain> ConvolutionFolder::Find(const std::vector<bool>& needed,
                                                      const std::vector<TensorId>& wanted,
                                                      const std::vector<TensorId>& apart) const {
  const size_t count = graph_.nodes.size();
  std::vector<int> reader(count, kNobody);
  std::vector<char> reads_others(count, 0);  // whether an output other than the first is read
  std::vector<char> made_of_apart(count, 0);
  const auto read = [&](TensorId tensor, int by) {
    reader[tensor.node] = reader[tensor.node] == kNobody ? by : kMany;
    if (tensor.output != 0) reads_others[tensor.node] = 1;
  };
  for (const TensorId& tensor : wanted) read(tensor, kMany);
  for (const TensorId& tensor : apart) {
    const bool constant = weights_.count(tensor.node) > 0 || constants_.Dims(tensor.node) != nullptr;
    if (constant) made_of_apart[tensor.node] = 1;
  }
  for (size_t node = 0; node < count; ++node) {
    if (!needed[node]) continue;
    for (const TensorId& input : graph_.nodes[node].inputs) {
      read(input, static_cast<int>(node));
      if (constants_.Dims(input.node) != nullptr) made_of_apart[node] |= made_of_apart[input.node];
    }
  }

  std::vector<ConvolutionChain> chains;
  for (size_t node = 0; node < count; ++node) {
    ConvolutionChain chain;
    if (!needed[node] || !Begins(static_cast<int>(node), made_of_apart, &chain)) continue;
    bool scales = false;
    for (int at = chain.convolution; reader[at] >= 0;) {
      const int next = reader[at];
      if (reads_others[next] != 0 || made_of_apart[next] != 0 || !IsStep(next, at, chain)) break;
      const std::string_view op = graph_.nodes[next].op;
      scales = scales || (op != "Sub" && !HasAnyTrait(op, {trait::kBiasAdd, trait::kSum}));
      chain.steps.push_back(next);
      at = next;
    }
    // A chain that only adds a bias gains nothing.
    if (scales) chains.push_back(std::move(chain));
  }
  return chains;
}

// Applies one op to the factors: y = f(x * scale + shift). Returns false if the values of its operands are
// unknown.
bool ConvolutionFolder::Apply(int index, int before, Factors* factors) const {
  const FlatNode& node = graph_.nodes[index];
  std::vector<std::vector<double>> operands(node.inputs.size());
  size_t x = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i].node == before) {
      x = i;
      continue;
    }
    std::optional<std::vector<double>> values = constants_.Values(node.inputs[i].node);
    if (!values) return false;
    operands[i] = std::move(*values);
  }
  const bool batch_norm = HasTrait(node.op, trait::kBatchNorm);
  const double epsilon = proto::AttrFloat(node.Attr("epsilon")).value_or(0.0001F);
  const std::vector<double>& operand = operands[1 - std::min<size_t>(x, 1)];
  for (size_t i = 0; i < factors->scale.size(); ++i) {
    double& scale = factors->scale[i];
    double& shift = factors->shift[i];
    if (batch_norm) {
      const double factor = operands[kScale][i] / std::sqrt(operands[kVariance][i] + epsilon);
      scale *= factor;
      shift = (shift - operands[kMean][i]) * factor + operands[kOffset][i];
      continue;
    }
    const double value = operand[operand.size() == 1 ? 0 : i];
    if (node.op == "Mul") {
      scale *= value;
      shift *= value;
    } else if (node.op == "RealDiv") {
      scale /= value;
      shift /= value;
    } else if (node.op == "Sub" && x == 0) {
      shift -= value;
    } else if (node.op == "Sub") {
      scale = -scale;
      shift = value - shift;
    } else {
      shift += value;
    }
  }
  return true;
}

std::shared_ptr<TF_Tensor> ConvolutionFolder::Kernel(int weight, const std::vector<double>& scale,
                                                     bool bfloat16) const {
  std::shared_ptr<TF_Tensor>& kernel = kernels_[{weight, scale, bfloat16}];
  if (kernel == nullptr) {
    kernel = Scaled(graph_.weights[weight].value.get(), scale);
    if (kernel != nullptr && bfloat16) kernel = ToBfloat16(kernel.get());
  }
  return kernel;
}

const FoldedConvolution* ConvolutionFolder::Fold(const ConvolutionChain& chain, bool bfloat16) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = folded_.find({chain.last(), bfloat16});
  if (known != folded_.end()) return known->second.get();

  std::unique_ptr<const FoldedConvolution> made;
  const auto channels = static_cast<size_t>(chain.channels);
  Factors factors{std::vector<double>(channels, 1), std::vector<double>(channels, 0)};
  int before = chain.convolution;
  bool folds = true;
  for (const int step : chain.steps) {
    folds = folds && Apply(step, before, &factors);
    before = step;
  }
  if (folds && IsFinite(factors.scale) && IsFinite(factors.shift)) {
    std::shared_ptr<TF_Tensor> kernel = Kernel(chain.kernel, factors.scale, bfloat16);
    const std::vector<float> ones(channels, 1);
    std::shared_ptr<TF_Tensor> bias =
        Scaled(tf::MakeTensor(TF_FLOAT, {chain.channels}, ones.data()).get(), factors.shift);
    if (kernel != nullptr && bias != nullptr) {
      made = std::make_unique<FoldedConvolution>(FoldedConvolution{std::move(kernel), std::move(bias)});
    }
  }
  return folded_.emplace(std::make_pair(chain.last(), bfloat16), std::move(made)).first->second.get();
}

}  // namespace ke::graph
