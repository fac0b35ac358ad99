// A loaded model: one flat, frozen graph of pure computation, its weights apart, and where each Keras layer
// stands in it. Immutable once loaded: any thread may instantiate it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "build/scope.h"
#include "import/load_options.h"
#include "layers/layer_record.h"
#include "wire/shape.h"

namespace ke::graph {

// An additive bias: `tensor` is what it was added to, with it, before anything else was done. Where that sum
// has no positions and is only added to one that has, it is the latter.
struct BiasTerm {
  enum class Kind {
    kAdd,        // the bias is operands[0]
    kSubtract,   // it is -operands[0]
    kBatchNorm,  // of scale, offset, mean, variance it is offset - mean * scale / sqrt(variance + epsilon)
  };
  std::string tensor;  // tensor names "node:index", here and in `operands`
  Kind kind = Kind::kAdd;
  std::vector<std::string> operands;
  float epsilon = 0;
  int axis = -1;  // of `tensor`, along which the last axis of the bias lies
};

class ModelGraph {
 public:
  // Reads, inlines, freezes and simplifies. Blocking (0.1 to 2 s): for a background thread. Throws tf::Error:
  // NOT_FOUND (no model, signature: the message lists those there are, tags, variables), DATA_LOSS (truncated
  // or inconsistent files), UNIMPLEMENTED (another format, by name; an op that is no pure computation, by
  // name), PERMISSION_DENIED, INVALID_ARGUMENT (`allow_ops` names what is no op).
  static std::shared_ptr<const ModelGraph> Load(const LoadOptions& options);

  // A number that no other model of this process has or had.
  uint64_t serial() const;
  // Whether every op gives the same again for the same inputs: two calls with equal inputs give the same.
  bool is_repeatable() const;

  // Named by the signature's keys, in the model's own order.
  const std::vector<TensorSpec>& inputs() const;
  const std::vector<TensorSpec>& outputs() const;
  const std::vector<LayerRecord>& layers() const;
  // Named as Keras names the variable ("conv1/kernel").
  const std::vector<TensorSpec>& weights() const;

  // The graph's tensor names behind inputs() and outputs().
  const std::vector<std::string>& input_tensors() const;
  const std::vector<std::string>& output_tensors() const;

  // The spec of any tensor ("node:index", or "node" for output 0) or weight, or null where there is none.
  const TensorSpec* FindTensor(const std::string& name) const;
  // The value of a weight; null where there is none of that name.
  // The layer that the node (or the weight that it is) belongs to, the innermost; null for none, or no node.
  const LayerRecord* LayerOf(const std::string& node) const;
  const TF_Tensor* FindWeight(const std::string& name) const;

  // Whether any of `outputs` is computed from any of the tensors `from`; a tensor is computed from itself.
  // Names as FindTensor takes them; throws NOT_FOUND.
  bool DependsOn(const std::vector<std::string>& outputs, const std::vector<std::string>& from) const;
  // The same of each of `outputs`, by one walk.
  std::vector<bool> Dependent(const std::vector<std::string>& outputs,
                              const std::vector<std::string>& from) const;
  // Of each of `outputs`, whether another one is computed from it; by one walk.
  std::vector<bool> UsedByOthers(const std::vector<std::string>& outputs) const;

  // The biases that were added on the way from the model's inputs to `outputs`, or from the tensors `within`
  // where there are any: the walk stops at them, as to look into one layer. In graph order. A bias is made of
  // weights, or of a Const of rank 1 or more (a frozen GraphDef has no weights apart): epsilons and the
  // constants of activations are none. Scalars count while nothing but preprocessing was done to the inputs:
  // a Rescaling layer's offset. Only ways through values are followed, not through shapes. Names as
  // FindTensor takes them; throws NOT_FOUND.
  std::vector<BiasTerm> BiasTerms(const std::vector<std::string>& outputs,
                                  const std::vector<std::string>& within) const;

  // Adds the ops that `outputs` (tensor names, or weights') need to `scope`, with the model's inputs replaced
  // by `inputs` (one per model input) and weights shared between all instances in one root graph. Returns the
  // outputs. An output that is a model input returns the given input. What is between two outputs may be
  // computed by other ops than the model has (folding.h), unless the scope checks numerics; what
  // stands behind the tensors and weights `differentiated`, by which somebody differentiates, stays as it is,
  // but in a scope that allows bfloat16 only what is made of such weights. There, the kernels of convolutions
  // that give the tensors `logits` (bfloat16.h) stay in float32.
  std::vector<TF_Output> Instantiate(Scope* scope, const std::vector<TF_Output>& inputs,
                                     const std::vector<std::string>& outputs,
                                     const std::vector<std::string>& differentiated = {},
                                     const std::vector<std::string>& logits = {}) const;

  ~ModelGraph();

 private:
  struct Impl;
  explicit ModelGraph(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ke::graph
