// A loaded model: one flat, frozen graph of pure computation, its weights, and the place of each Keras layer
// in the graph. Immutable: any thread may instantiate the model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "build/scope.h"
#include "import/load_options.h"
#include "layers/layer_record.h"
#include "wire/shape.h"

namespace ke::graph {

// An additive bias. `tensor` is the sum that contains the bias, before any other op. If that sum has no
// positions and is only added to a tensor with positions, `tensor` is the sum with positions.
struct BiasTerm {
  enum class Kind {
    kAdd,        // the bias is operands[0]
    kSubtract,   // the bias is -operands[0]
    kBatchNorm,  // operands: scale, offset, mean, variance; the bias is offset - mean * scale / sqrt(variance
                 // + epsilon)
  };
  std::string tensor;  // tensor names "node:index", here and in `operands`
  Kind kind = Kind::kAdd;
  std::vector<std::string> operands;
  float epsilon = 0;
  int axis = -1;  // axis of `tensor` for the last axis of the bias
};

struct ChainLink;
struct ImportedModel;

class ModelGraph {
 public:
  // Reads, inlines, freezes and simplifies a model. Blocks (0.1 to 2 s): call Load on a background thread.
  // Throws tf::Error: NOT_FOUND (no model, signature or tags, whose message lists the existing ones, or
  // variables), DATA_LOSS (truncated or inconsistent files), UNIMPLEMENTED (another format, or an op that is
  // not pure, by name), PERMISSION_DENIED, INVALID_ARGUMENT (a name in `allow_ops` is not an op).
  static std::shared_ptr<const ModelGraph> Load(const LoadOptions& options);

  // Makes a model of a graph that does not come from a file. `fingerprint` is that of LoadOptions.
  static std::shared_ptr<const ModelGraph> Of(ImportedModel imported, const std::string& fingerprint);

  // Returns a number that no other model of this process has or had.
  uint64_t serial() const;
  // Returns whether every op is repeatable: two calls with equal inputs return equal outputs.
  bool is_repeatable() const;

  // Returns whether the model draws random numbers. The last of inputs() is then the seed of the run, an
  // int32 scalar.
  bool draws_random() const;

  // Named by the keys of the signature, in the model's own order.
  const std::vector<TensorSpec>& inputs() const;
  const std::vector<TensorSpec>& outputs() const;
  const std::vector<LayerRecord>& layers() const;
  // Named as Keras names the variable ("conv1/kernel").
  const std::vector<TensorSpec>& weights() const;

  // Return the tensor names of inputs() and outputs() in the graph.
  const std::vector<std::string>& input_tensors() const;
  const std::vector<std::string>& output_tensors() const;
  // Sentences for the user about parts of the file that the model leaves out.
  const std::vector<std::string>& warnings() const;

  // Returns the spec of a tensor ("node:index", or "node" for output 0) or a weight, or null if there is
  // none.
  const TensorSpec* FindTensor(const std::string& name) const;
  // Returns the innermost layer that the node (or the weight at the node) belongs to. Returns null if there
  // is no such layer or node.
  const LayerRecord* LayerOf(const std::string& node) const;
  // Returns the value of a weight, or null if there is none of that name.
  const TF_Tensor* FindWeight(const std::string& name) const;

  // Returns whether any of `outputs` is computed from any of the tensors `from`. A tensor is computed from
  // itself. Takes names like FindTensor. Throws NOT_FOUND.
  bool DependsOn(const std::vector<std::string>& outputs, const std::vector<std::string>& from) const;
  // Returns the same per output, in one walk.
  std::vector<bool> Dependent(const std::vector<std::string>& outputs,
                              const std::vector<std::string>& from) const;
  // Returns, per output, whether another of `outputs` is computed from the output, in one walk.
  std::vector<bool> UsedByOthers(const std::vector<std::string>& outputs) const;

  // Returns whether a value of any of `outputs` for one sample depends on the other samples of the batch, as
  // far as the graph shows (batch_mixing.h). Takes names like FindTensor. Throws NOT_FOUND.
  bool MixesSamples(const std::vector<std::string>& outputs) const;

  // Returns the biases added on the paths from the model's inputs to `outputs`, in graph order. With
  // `within`, the walk stops at these tensors, for example at the inputs of a layer. A bias is computed from
  // weights, or from a Const of rank 1 or more (a frozen GraphDef does not separate weights). Epsilons and
  // constants of activations are not biases. A scalar counts as a bias only in the preprocessing of the
  // inputs: the offset of a Rescaling layer. Only paths through values are followed, not through shapes.
  // Takes names like FindTensor. Throws NOT_FOUND.
  std::vector<BiasTerm> BiasTerms(const std::vector<std::string>& outputs,
                                  const std::vector<std::string>& within) const;

  // Returns the tensors whose units are those of `output`, from `output` back (output_chain.h). Takes a name
  // like FindTensor. Throws NOT_FOUND.
  std::vector<ChainLink> OutputChain(const std::string& output) const;
  // Returns the last computed floating tensor (N, ...positions, C) of at least 2 positions, or of an unknown
  // number of positions, on which `output` depends and which depends on the model's inputs. Returns "" if
  // there is none. Takes a name like FindTensor. Throws NOT_FOUND.
  std::string LastWithPositions(const std::string& output) const;

  // Returns the part of the model that begins at `inputs` and ends at `outputs`, as pairs of a tensor and of
  // its name in the part (cut_graph.h). The part shares the weights and is a model of its own. Takes names
  // like FindTensor. Throws NOT_FOUND and the errors of CutGraph.
  std::shared_ptr<const ModelGraph> SubModel(
      const std::vector<std::pair<std::string, std::string>>& inputs,
      const std::vector<std::pair<std::string, std::string>>& outputs) const;

  // Writes the model to a new file, as a frozen GraphDef that loads as the same model (frozen_file.h).
  // Blocks. Throws the errors of WriteFrozenFile.
  void WriteFrozen(const std::string& path) const;

  // Adds the ops that `outputs` (names of tensors or weights) need to `scope`. `inputs` (one per model input)
  // replace the model's inputs. All instances in one root graph share their weights. Returns the outputs. An
  // output that is a model input returns the given input. Between two outputs, other ops than the model's may
  // compute the values (folding.h), unless the scope checks numerics. Ops that depend on a tensor or weight
  // in `differentiated` are not replaced, because a gradient passes through these ops. In a scope that allows
  // bfloat16, only ops that depend on such weights are not replaced. The kernels of convolutions that
  // determine the tensors `logits` (bfloat16.h) then stay in float32.
  std::vector<TF_Output> Instantiate(Scope* scope, const std::vector<TF_Output>& inputs,
                                     const std::vector<std::string>& outputs,
                                     const std::vector<std::string>& differentiated = {},
                                     const std::vector<std::string>& logits = {}) const;

  ~ModelGraph();

 private:
  struct Impl;
  // Derives the rest of `impl` from its graph.
  static std::shared_ptr<const ModelGraph> Complete(std::unique_ptr<Impl> impl);
  explicit ModelGraph(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ke::graph
