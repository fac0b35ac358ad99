#include "model/model_graph.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <unordered_map>

#include "import/importers.h"
#include "ir/flat_graph.h"
#include "ir/instance_name.h"
#include "ir/op_traits.h"
#include "model/batch_mixing.h"
#include "model/bias_terms.h"
#include "model/cut_graph.h"
#include "model/declared_shapes.h"
#include "model/frozen_file.h"
#include "model/last_with_positions.h"
#include "model/output_chain.h"
#include "rewrite/bfloat16.h"
#include "rewrite/draw_per_sample.h"
#include "rewrite/folding.h"
#include "rewrite/grouped_convolution.h"
#include "rewrite/layer_normalization.h"
#include "tensorflow/import_graph.h"

namespace ke::graph {

using tf::C;

namespace {

// The suffix of a weight's name on workers if the weight is stored in bfloat16.
constexpr char kBfloat16Suffix[] = "/bfloat16";

uint64_t NextSerial() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

std::string GivenOrRandom(const std::string& fingerprint) {
  if (!fingerprint.empty()) return fingerprint;
  std::random_device random;
  std::string text = "unnamed";
  for (int i = 0; i < 4; ++i) text += "-" + std::to_string(random());
  return text;
}

}  // namespace

struct ModelGraph::Impl {
  // The replacement of a node: `node` with one input and a constant.
  struct Replaced {
    TensorId input;
    std::shared_ptr<TF_Tensor> constant;
    std::string constant_name;
    FlatNode node;
  };
  using Folded = std::map<int, Replaced>;

  const uint64_t serial = NextSerial();
  FlatGraph graph;
  bool is_repeatable = true;
  std::vector<LayerRecord> layers;
  std::vector<int> layer_of_node;  // in `layers`; -1: none
  std::vector<TensorSpec> weights;
  std::vector<std::string> input_tensors;
  std::vector<std::string> output_tensors;
  std::unordered_map<std::string, int> nodes;
  TensorSpecs tensors;
  std::unordered_map<std::string, int> weights_by_name;
  std::unordered_map<int, int> weights_by_node;
  std::string weights_prefix;                       // prefix of the names of weights on workers
  std::vector<char> mixing;                         // per node: see batch_mixing.h
  std::vector<char> drawn_per_sample;               // per node: see batch_mixing.h
  std::unique_ptr<const BiasFinder> biases;         // of the graph in its final form
  std::unique_ptr<const ConvolutionFolder> folder;  // of the graph in its final form
  std::unordered_map<int, int64_t> groups;          // the groups of grouped convolutions, by node; 0: unknown
  std::vector<bool> kernels;  // per weight: whether only convolutions read the weight, in float32
  mutable std::mutex bfloat16_mutex;
  mutable std::map<int, std::shared_ptr<TF_Tensor>> bfloat16;  // by weight

  explicit Impl(ImportedModel imported)
      : graph(std::move(imported.graph)),
        layers(std::move(imported.layers.records)),
        layer_of_node(std::move(imported.layers.of_node)),
        tensors(std::move(imported.tensors)) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) nodes.emplace(graph.nodes[i].name, static_cast<int>(i));
    for (size_t i = 0; i < graph.weights.size(); ++i) {
      const FlatWeight& weight = graph.weights[i];
      weights.push_back({weight.name, weight.dtype, weight.shape});
      weights_by_name.emplace(weight.name, static_cast<int>(i));
      weights_by_node.emplace(weight.node, static_cast<int>(i));
    }
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      const int64_t count = GroupsOf(graph, graph.nodes[i], tensors);
      if (count != 1) groups.emplace(static_cast<int>(i), count);
    }
    if (!graph.seed.empty()) {
      graph.inputs.push_back({nodes.at(graph.seed), 0});
      graph.input_specs.push_back({"seed", TF_INT32, Shape::Of({})});
    }
    for (const TensorId& input : graph.inputs) input_tensors.push_back(graph.TensorName(input));
    for (const TensorId& output : graph.outputs) output_tensors.push_back(graph.TensorName(output));
  }

  TensorId Find(const std::string& tensor) const {
    const auto weight = weights_by_name.find(tensor);
    if (weight != weights_by_name.end()) return {graph.weights[weight->second].node, 0};
    const size_t colon = tensor.rfind(':');
    TensorId id;
    if (colon != std::string::npos) {
      const char* end = tensor.data() + tensor.size();
      const auto parsed = std::from_chars(tensor.data() + colon + 1, end, id.output);
      if (parsed.ec != std::errc() || parsed.ptr != end) id.output = -1;
    }
    const auto node = nodes.find(tensor.substr(0, colon));
    const std::string name = node == nodes.end() ? tensor : node->first + ":" + std::to_string(id.output);
    if (node == nodes.end() || tensors.find(name) == tensors.end()) {
      throw tf::Error(TF_NOT_FOUND, "the model has no tensor '" + tensor + "'");
    }
    id.node = node->second;
    return id;
  }

  std::vector<TensorId> Find(const std::vector<std::string>& names) const {
    std::vector<TensorId> found;
    found.reserve(names.size());
    for (const std::string& name : names) found.push_back(Find(name));
    return found;
  }

  // Returns the ops that `outputs` need, in graph order. The walk ends at inputs and weights. The nodes in
  // `folded` have other inputs.
  std::vector<bool> Needed(const std::vector<TensorId>& outputs, const Folded& folded = {}) const {
    std::vector<bool> needed(graph.nodes.size(), false);
    for (const TensorId& output : outputs) needed[output.node] = true;
    for (size_t node = graph.nodes.size(); node-- > 0;) {
      if (!needed[node]) continue;
      const auto fold = folded.find(static_cast<int>(node));
      if (fold != folded.end()) {
        needed[fold->second.input.node] = true;
        continue;
      }
      for (const TensorId& input : graph.nodes[node].inputs) needed[input.node] = true;
    }
    return needed;
  }

  // Returns the nodes that depend on any of `tensors`.
  std::vector<bool> After(const std::vector<TensorId>& tensors) const {
    std::vector<bool> after(graph.nodes.size(), false);
    for (const TensorId& tensor : tensors) after[tensor.node] = true;
    for (size_t node = 0; node < graph.nodes.size(); ++node) {
      for (const TensorId& input : graph.nodes[node].inputs) after[node] = after[node] || after[input.node];
    }
    return after;
  }

  // Returns the convolutions of a call that get another kernel, and the last ops of the chains that were
  // folded into these convolutions. `exact`: the weights that stay in float32 in a call that allows bfloat16.
  Folded Fold(const std::vector<TensorId>& outputs, const std::vector<TensorId>& apart,
              const std::optional<std::vector<bool>>& exact) const {
    Folded folded;
    // No folding on the backward path: with other rounding, a ReLU whose input is near 0 would pass another
    // gradient, and maps would differ from those of Keras by far more than rounding. In bfloat16 maps differ
    // anyway.
    const std::vector<bool> backward = After(apart);
    for (const ConvolutionChain& chain : folder->Find(Needed(outputs), outputs, apart)) {
      const bool half = exact && !(*exact)[chain.kernel];
      if (backward[chain.convolution] && !half) continue;
      const FoldedConvolution* values = folder->Fold(chain, half);
      if (values == nullptr) continue;
      const FlatNode& convolution = graph.nodes[chain.convolution];
      const FlatNode& end = graph.nodes[chain.last()];
      FlatNode bias{FlatNode::Kind::kOp, end.name, "BiasAdd", {}, {}};
      bias.attrs = {{"T", TypeAttr(TF_FLOAT)},
                    {"data_format", StringAttr(chain.channels_first() ? "NCHW" : "NHWC")}};
      folded[chain.convolution] = {convolution.inputs[0], values->kernel,
                                   FreeName(end.name + "/folded_kernel"), convolution};
      folded[chain.last()] = {
          {chain.convolution, 0}, values->bias, FreeName(end.name + "/folded_bias"), std::move(bias)};
    }
    return folded;
  }

  // Appends a sum. An op that TensorFlow does not fuse is inserted after each summand that may be a biased
  // convolution. TensorFlow would fuse the sum of two activations into the convolution. The fused kernel
  // (MklConvOp::AllocateOutputTensor) keeps the added tensor in members if the tensor is also needed
  // elsewhere, so concurrent runs of one session crash or mix their values.
  void AppendSum(const FlatNode& node, const Folded& folded, std::string* graph_def) const {
    std::vector<std::string> inputs;
    for (const TensorId& input : node.inputs) {
      inputs.push_back(graph.TensorName(input));
      const FlatNode& summand = graph.nodes[input.node];
      const bool biased =
          folded.count(input.node) > 0 || HasAnyTrait(summand.op, {trait::kBiasAdd, trait::kSum});
      // Tensors of unknown rank are not fused.
      const auto spec = tensors.find(inputs.back());
      if (summand.kind != FlatNode::Kind::kOp || !biased || spec == tensors.end()) continue;
      if (!spec->second.shape.known_rank) continue;
      const Shape any = Shape::Of(std::vector<int64_t>(spec->second.shape.dims.size(), -1));
      FlatNode apart{FlatNode::Kind::kOp,
                     FreeName(node.name + "/summand_" + std::to_string(inputs.size())),
                     "EnsureShape",
                     {},
                     {}};
      apart.attrs = {{"T", TypeAttr(spec->second.dtype)}, {"shape", ShapeAttr(any)}};
      AppendNode(apart, {inputs.back()}, graph_def);
      inputs.back() = apart.name;
    }
    AppendNode(node, inputs, graph_def);
  }

  // Appends `node`, an op or its replacement, which is at `index` in the graph.
  void AppendOp(int index, const FlatNode& node, const std::vector<std::string>& inputs,
                std::string* graph_def) const {
    const auto free_name = [this](std::string name) { return FreeName(std::move(name)); };
    if (drawn_per_sample[index] != 0) return AppendDrawPerSample(node, inputs, free_name, graph_def);
    const auto grouped = groups.find(index);
    if (grouped == groups.end() || node.op != graph.nodes[index].op) {
      return AppendNode(node, inputs, graph_def);
    }
    AppendGroupedConvolution(node, inputs, grouped->second, free_name, graph_def);
  }

  // Returns a name that no node has.
  std::string FreeName(std::string name) const {
    while (nodes.count(name) > 0) name += "_";
    return name;
  }

  // `exact`: see Fold.
  TF_Output Weight(Scope* scope, int node, const std::optional<std::vector<bool>>& exact) const {
    const int index = weights_by_node.at(node);
    const FlatWeight& weight = graph.weights[index];
    const std::string name = graph.nodes[node].name;
    const auto shared = [&](const std::shared_ptr<TF_Tensor>& value, const char* dtype) {
      return scope->SharedWeight(value.get(), value, weight.may_fold, kWeightsPrefix + name,
                                 weights_prefix + name + dtype);
    };
    if (!exact || (*exact)[index] || !kernels[index]) return shared(weight.value, "");
    const TF_Output half = shared(Bfloat16(index), kBfloat16Suffix);
    return scope->Op("Cast").In(half).AttrType("DstT", TF_FLOAT).Out();
  }

  TF_Output Constant(Scope* scope, const Replaced& replaced) const {
    const TF_DataType dtype = C().TF_TensorType(replaced.constant.get());
    const TF_Output value = scope->SharedWeight(
        replaced.constant.get(), replaced.constant, true, kWeightsPrefix + replaced.constant_name,
        weights_prefix + replaced.constant_name + (dtype == TF_BFLOAT16 ? kBfloat16Suffix : ""));
    if (dtype == TF_FLOAT) return value;
    return scope->Op("Cast").In(value).AttrType("DstT", TF_FLOAT).Out();
  }

  // Returns the value of a weight in bfloat16, computed once.
  std::shared_ptr<TF_Tensor> Bfloat16(int weight) const {
    const std::lock_guard<std::mutex> lock(bfloat16_mutex);
    std::shared_ptr<TF_Tensor>& value = bfloat16[weight];
    if (value == nullptr) value = ToBfloat16(graph.weights[weight].value.get());
    return value;
  }
};

std::shared_ptr<const ModelGraph> ModelGraph::Of(ImportedModel imported, const std::string& fingerprint) {
  auto impl = std::make_unique<Impl>(std::move(imported));
  impl->weights_prefix = GivenOrRandom(fingerprint) + "/";
  return Complete(std::move(impl));
}

std::shared_ptr<const ModelGraph> ModelGraph::Load(const LoadOptions& options) {
  auto impl = std::make_unique<Impl>(ImportModel(options));
  impl->weights_prefix = GivenOrRandom(options.fingerprint) + "/" + options.SignatureOrDefault() + "/";
  // Which of two weights of one name gets a number depends on the outputs.
  for (const std::string& output : options.outputs) impl->weights_prefix += output + "/";
  return Complete(std::move(impl));
}

std::shared_ptr<const ModelGraph> ModelGraph::SubModel(
    const std::vector<std::pair<std::string, std::string>>& inputs,
    const std::vector<std::pair<std::string, std::string>>& outputs) const {
  const auto found = [&](const std::vector<std::pair<std::string, std::string>>& tensors) {
    std::vector<CutTensor> cuts;
    for (const auto& [tensor, name] : tensors) cuts.push_back({impl_->Find(tensor), name});
    return cuts;
  };
  const WholeModel whole{impl_->graph, impl_->tensors, impl_->layers, impl_->layer_of_node};
  auto impl = std::make_unique<Impl>(CutGraph(whole, found(inputs), found(outputs)));
  impl->weights_prefix = impl_->weights_prefix;
  return Complete(std::move(impl));
}

void ModelGraph::WriteFrozen(const std::string& path) const {
  WriteFrozenFile({impl_->graph, impl_->tensors, impl_->layers, impl_->layer_of_node}, path);
}

std::shared_ptr<const ModelGraph> ModelGraph::Complete(std::unique_ptr<Impl> impl) {
  ForEachNode(impl->graph, [&](const FlatNode& node) {
    if (node.kind == FlatNode::Kind::kOp && !IsRepeatable(node.op)) impl->is_repeatable = false;
  });
  KeepLayerNormalizationsApart(&impl->graph);
  impl->kernels = FindKernels(impl->graph);
  SamplesInGraph samples = FollowSamples(impl->graph, impl->tensors);
  impl->mixing = std::move(samples.mixing);
  impl->drawn_per_sample = std::move(samples.drawn_per_sample);
  impl->biases = std::make_unique<BiasFinder>(impl->graph, impl->tensors);
  impl->folder = std::make_unique<ConvolutionFolder>(impl->graph, impl->tensors);
  return std::shared_ptr<const ModelGraph>(new ModelGraph(std::move(impl)));
}

ModelGraph::ModelGraph(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ModelGraph::~ModelGraph() = default;

uint64_t ModelGraph::serial() const { return impl_->serial; }
bool ModelGraph::is_repeatable() const { return impl_->is_repeatable; }

bool ModelGraph::draws_random() const { return !impl_->graph.seed.empty(); }

const std::vector<TensorSpec>& ModelGraph::inputs() const { return impl_->graph.input_specs; }
const std::vector<TensorSpec>& ModelGraph::outputs() const { return impl_->graph.output_specs; }
const std::vector<LayerRecord>& ModelGraph::layers() const { return impl_->layers; }
const std::vector<TensorSpec>& ModelGraph::weights() const { return impl_->weights; }
const std::vector<std::string>& ModelGraph::input_tensors() const { return impl_->input_tensors; }
const std::vector<std::string>& ModelGraph::output_tensors() const { return impl_->output_tensors; }

const std::vector<std::string>& ModelGraph::warnings() const { return impl_->graph.warnings; }

const TensorSpec* ModelGraph::FindTensor(const std::string& name) const {
  const auto weight = impl_->weights_by_name.find(name);
  if (weight != impl_->weights_by_name.end()) return &impl_->weights[weight->second];
  auto found = impl_->tensors.find(name);
  if (found == impl_->tensors.end()) found = impl_->tensors.find(name + ":0");
  return found == impl_->tensors.end() ? nullptr : &found->second;
}

const LayerRecord* ModelGraph::LayerOf(const std::string& node) const {
  const auto found = impl_->nodes.find(node);
  if (found == impl_->nodes.end()) return nullptr;
  const int layer = impl_->layer_of_node[found->second];
  return layer < 0 ? nullptr : &impl_->layers[layer];
}

const TF_Tensor* ModelGraph::FindWeight(const std::string& name) const {
  const auto found = impl_->weights_by_name.find(name);
  return found == impl_->weights_by_name.end() ? nullptr : impl_->graph.weights[found->second].value.get();
}

bool ModelGraph::DependsOn(const std::vector<std::string>& outputs,
                           const std::vector<std::string>& from) const {
  const std::vector<TensorId> sources = impl_->Find(from);
  const std::set<TensorId> wanted(sources.begin(), sources.end());
  std::vector<char> seen(impl_->graph.nodes.size(), 0);
  std::vector<TensorId> waiting = impl_->Find(outputs);
  while (!waiting.empty()) {
    const TensorId tensor = waiting.back();
    waiting.pop_back();
    if (wanted.count(tensor) > 0) return true;
    if (seen[tensor.node] != 0) continue;
    seen[tensor.node] = 1;
    const FlatNode& node = impl_->graph.nodes[tensor.node];
    waiting.insert(waiting.end(), node.inputs.begin(), node.inputs.end());
  }
  return false;
}

std::vector<bool> ModelGraph::Dependent(const std::vector<std::string>& outputs,
                                        const std::vector<std::string>& from) const {
  const std::vector<TensorId> sources = impl_->Find(from);
  const std::set<TensorId> wanted(sources.begin(), sources.end());
  const std::vector<FlatNode>& nodes = impl_->graph.nodes;
  std::vector<char> behind(nodes.size(), 0);
  for (size_t node = 0; node < nodes.size(); ++node) {
    behind[node] = std::any_of(
        nodes[node].inputs.begin(), nodes[node].inputs.end(),
        [&](const TensorId& input) { return behind[input.node] != 0 || wanted.count(input) > 0; });
  }
  std::vector<bool> dependent;
  for (const TensorId& output : impl_->Find(outputs)) {
    dependent.push_back(behind[output.node] != 0 || wanted.count(output) > 0);
  }
  return dependent;
}

std::vector<bool> ModelGraph::UsedByOthers(const std::vector<std::string>& outputs) const {
  const std::vector<TensorId> tensors = impl_->Find(outputs);
  const std::vector<bool> needed = impl_->Needed(tensors);
  std::set<TensorId> used;
  for (size_t node = 0; node < needed.size(); ++node) {
    const std::vector<TensorId>& inputs = impl_->graph.nodes[node].inputs;
    if (needed[node]) used.insert(inputs.begin(), inputs.end());
  }
  std::map<TensorId, int> asked;
  for (const TensorId& tensor : tensors) ++asked[tensor];
  std::vector<bool> result;
  for (const TensorId& tensor : tensors) result.push_back(used.count(tensor) > 0 || asked[tensor] > 1);
  return result;
}

bool ModelGraph::MixesSamples(const std::vector<std::string>& outputs) const {
  const std::vector<TensorId> tensors = impl_->Find(outputs);
  return std::any_of(tensors.begin(), tensors.end(),
                     [&](const TensorId& tensor) { return impl_->mixing[tensor.node] != 0; });
}

std::vector<BiasTerm> ModelGraph::BiasTerms(const std::vector<std::string>& outputs,
                                            const std::vector<std::string>& within) const {
  const std::vector<TensorId> ends = impl_->Find(within);
  return impl_->biases->Find(impl_->Find(outputs), std::set<TensorId>(ends.begin(), ends.end()));
}

std::vector<ChainLink> ModelGraph::OutputChain(const std::string& output) const {
  return graph::OutputChain(impl_->graph, impl_->tensors, *impl_->biases, impl_->Find(output));
}

std::string ModelGraph::LastWithPositions(const std::string& output) const {
  const TensorId last =
      graph::LastWithPositions(impl_->graph, impl_->tensors, *impl_->biases, impl_->Find(output));
  return last.node < 0 ? std::string() : impl_->graph.TensorName(last);
}

std::vector<TF_Output> ModelGraph::Instantiate(Scope* scope, const std::vector<TF_Output>& inputs,
                                               const std::vector<std::string>& outputs,
                                               const std::vector<std::string>& differentiated,
                                               const std::vector<std::string>& logits) const {
  const FlatGraph& graph = impl_->graph;
  if (inputs.size() != graph.inputs.size()) {
    throw tf::Error(TF_INVALID_ARGUMENT, "the model takes " + std::to_string(graph.inputs.size()) +
                                             " inputs, but it was called with " +
                                             std::to_string(inputs.size()));
  }
  const std::vector<TensorId> wanted = impl_->Find(outputs);
  // Numerics checks report ops by their names in the model.
  std::optional<std::vector<bool>> exact;
  if (scope->bfloat16()) exact = KernelsOf(graph, LogitsProducts(graph, impl_->Find(logits)));
  const Impl::Folded folded =
      scope->checks_numerics() ? Impl::Folded() : impl_->Fold(wanted, impl_->Find(differentiated), exact);
  const std::vector<bool> needed = impl_->Needed(wanted, folded);

  // A loop declares the shapes of its results for inputs of the declared sizes.
  bool as_declared = true;
  for (size_t i = 0; i < inputs.size(); ++i) {
    as_declared =
        as_declared && IsWithin(scope->GetShape(scope->Import(inputs[i])), graph.input_specs[i].shape);
  }

  tf::ImportOptions options;
  options.prefix = scope->UniqueName(kModelPrefix);
  std::unordered_map<int, TF_Output> given;  // tensors in place of inputs and weights
  for (size_t i = 0; i < inputs.size(); ++i) given[graph.inputs[i].node] = scope->Import(inputs[i]);
  std::string graph_def;
  std::vector<const FlatNode*> built;
  bool has_ops = false;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const FlatNode& node = graph.nodes[i];
    const int index = static_cast<int>(i);
    if (!needed[i]) continue;
    built.push_back(&node);
    const auto fold = folded.find(index);
    if (fold != folded.end()) {
      const Impl::Replaced& now = fold->second;
      impl_->AppendOp(index, now.node, {graph.TensorName(now.input), now.constant_name}, &graph_def);
      options.inputs.push_back({{now.constant_name}, impl_->Constant(scope, now)});
      has_ops = true;
      continue;
    }
    if (node.kind == FlatNode::Kind::kOp) {
      if (HasTrait(node.op, trait::kSum) && !scope->checks_numerics()) {
        impl_->AppendSum(node, folded, &graph_def);
      } else {
        impl_->AppendOp(index, node, graph.InputNames(node), &graph_def);
      }
      has_ops = true;
      continue;
    }
    if (node.kind == FlatNode::Kind::kWeight) given[index] = impl_->Weight(scope, index, exact);
    options.inputs.push_back({{node.name}, given.at(index)});
  }
  std::vector<std::string_view> functions;
  for (const std::string_view name : FunctionsOf(graph, built)) {
    functions.push_back(graph.functions.find(name)->second.definition);
  }
  AppendFunctions(functions, &graph_def);
  AppendVersions(graph.versions, &graph_def);
  for (const TensorId& output : wanted) {
    const FlatNode& node = graph.nodes[output.node];
    if (node.kind != FlatNode::Kind::kOp) continue;
    options.outputs.push_back({node.name, output.output});
  }
  std::vector<TF_Output> returned;
  if (has_ops) returned = tf::ImportGraphDef(scope->graph(), graph_def, options);
  auto next = returned.begin();
  std::vector<TF_Output> made;
  for (const TensorId& output : wanted) {
    const auto known = given.find(output.node);
    made.push_back(known != given.end() ? known->second : *next++);
  }
  return made;
}

}  // namespace ke::graph
