#include "model/batch_mixing.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "ir/random_ops.h"
#include "model/batch_axis_rules.h"
#include "tensorflow/dtype.h"

namespace ke::graph {
namespace {

// The walks over functions of loops and branches, for one model. Functions within each other multiply.
constexpr int64_t kMostWalks = 500;
// A loop variable takes at most three states: none, an axis, and unknown or mixed.
constexpr int kMostTurns = 4;

// Returns the state of a tensor that has either of two states.
SampleState Either(const SampleState& a, const SampleState& b) {
  using Kind = SampleState::Kind;
  if (a.kind == Kind::kMixed || b.kind == Kind::kMixed) return SampleState::Mixed();
  if (a.HasAxis() && b.HasAxis() && a.axis == b.axis && a.ordered == b.ordered) {
    return SampleState::Axis(a.axis, a.ordered);
  }
  const auto weak = [](const SampleState& state) { return state.IsNone() || state.kind == Kind::kSized; };
  if (weak(a) && weak(b)) return {a.IsNone() ? b.kind : a.kind, 0, true, std::nullopt};
  if (weak(a) && b.HasAxis()) return SampleState::Axis(b.axis, b.ordered);
  if (weak(b) && a.HasAxis()) return SampleState::Axis(a.axis, a.ordered);
  return SampleState::Unknown();
}

// The states of all outputs of all nodes, computed in graph order.
class Walk {
 public:
  Walk(const FlatGraph& graph, const TensorSpecs& tensors)
      : graph_(graph), tensors_(tensors), library_(graph), walks_left_(&walks_of_model_) {
    Run();
  }
  // Walks over the graph of a function of `outer`, whose arguments have the states `arguments`.
  Walk(const Walk& outer, const FlatGraph& graph, const TensorSpecs& tensors,
       const std::vector<SampleState>& arguments)
      : graph_(graph),
        tensors_(tensors),
        library_(outer.library_),
        is_body_(true),
        walks_left_(outer.walks_left_) {
    for (size_t i = 0; i < arguments.size(); ++i) arguments_.emplace(graph.inputs[i].node, arguments[i]);
    Run();
  }

  bool Mixes(size_t node) const {
    return std::any_of(states_[node].begin(), states_[node].end(),
                       [](const SampleState& state) { return state.kind == SampleState::Kind::kMixed; });
  }

  // Returns whether the node draws the same distribution for every sample along the first axis, and the seed
  // of the run determines the numbers.
  bool DrawsPerSample(size_t node) const {
    const FlatNode& of = graph_.nodes[node];
    const Draw* draw = DrawOf(of.op);
    if (draw == nullptr || !draw->plain || of.Attr(kDrawnByRun).empty()) return false;
    const SmallIntegers& sizes = StateOf(of.inputs[static_cast<size_t>(draw->shape)]).integers;
    if (!sizes || sizes->empty() || (*sizes)[0].kind != SmallInteger::Kind::kBatch) return false;
    return std::none_of(sizes->begin() + 1, sizes->end(),
                        [](const SmallInteger& size) { return size.OfBatch(); });
  }

  std::vector<SampleState> Results() const {
    std::vector<SampleState> results;
    for (const TensorId& output : graph_.outputs) results.push_back(StateOf(output));
    return results;
  }

 private:
  void Run() {
    states_.reserve(graph_.nodes.size());
    for (size_t node = 0; node < graph_.nodes.size(); ++node) {
      states_.push_back(Visit(static_cast<int>(node)));
    }
  }

  const SampleState& StateOf(TensorId tensor) const {
    const std::vector<SampleState>& outputs = states_[tensor.node];
    return outputs[std::min(static_cast<size_t>(tensor.output), outputs.size() - 1)];
  }

  const TensorSpec* SpecOf(TensorId tensor) const {
    const auto found = tensors_.find(graph_.TensorName(tensor));
    return found == tensors_.end() ? nullptr : &found->second;
  }

  TensorFacts FactsOf(TensorId tensor) const {
    const TensorSpec* spec = SpecOf(tensor);
    TensorFacts facts;
    if (spec == nullptr) return facts;
    facts.shape = spec->shape;
    facts.is_floating = tf::IsFloating(spec->dtype);
    return facts;
  }

  std::vector<SampleState> Visit(int index) const {
    const FlatNode& node = graph_.nodes[index];
    if (node.kind == FlatNode::Kind::kWeight) return {SampleState::None()};
    const auto argument = arguments_.find(index);
    if (argument != arguments_.end()) return {argument->second};
    if (node.kind == FlatNode::Kind::kInput) {
      // In graphs of old versions, the shape () of a placeholder means any shape.
      if (node.name == graph_.seed) return {SampleState::None()};
      const Shape shape = FactsOf({index, 0}).shape;
      if (!shape.known_rank) return {SampleState::Unknown()};
      return {shape.rank() == 0 ? SampleState::None() : SampleState::Axis(0)};
    }
    std::vector<SampleState> inputs;
    std::vector<TensorFacts> facts;
    for (const TensorId& input : node.inputs) {
      inputs.push_back(StateOf(input));
      facts.push_back(FactsOf(input));
    }
    const bool follows =
        ControlOf(node.op) != Control::kNone &&
        std::any_of(inputs.begin(), inputs.end(), [](const SampleState& input) { return input.HasAxis(); });
    if (DrawOf(node.op) != nullptr) {
      const bool alike =
          std::all_of(inputs.begin(), inputs.end(), [](const SampleState& input) { return input.IsNone(); });
      if (!is_body_ && DrawsPerSample(static_cast<size_t>(index))) return {SampleState::Axis(0)};
      return {alike ? SampleState::None() : SampleState::Mixed()};
    }
    if (ControlOf(node.op) != Control::kNone && DrawsInFunctions(node)) return {SampleState::Mixed()};
    std::vector<SampleState> outputs = StatesOfOutputs({node, inputs, facts, FactsOf({index, 0})});
    if (follows && outputs[0].kind != SampleState::Kind::kMixed) {
      outputs = StatesOfControl(node, std::move(inputs), facts);
    }
    for (size_t i = 0; i < outputs.size(); ++i) Settle({index, static_cast<int>(i)}, &outputs[i]);
    return outputs;
  }

  // Returns whether a function of a loop or a branch draws numbers from the seed of the run. They may be
  // those of a sample in each turn.
  bool DrawsInFunctions(const FlatNode& node) const {
    for (const std::string_view name : FunctionsOf(library_, {&node})) {
      const std::vector<FlatNode>& nodes = library_.functions.find(name)->second.nodes;
      if (std::any_of(nodes.begin(), nodes.end(),
                      [](const FlatNode& each) { return !each.Attr(kDrawnByRun).empty(); })) {
        return true;
      }
    }
    return false;
  }

  // Returns the results of a function for arguments of these states and shapes. Empty if they are unknown:
  // the model has too many functions within each other, or the shapes do not fit the function.
  std::vector<SampleState> ResultsOf(std::string_view name, const std::vector<SampleState>& arguments,
                                     const std::vector<Shape>& shapes) const {
    const auto function = library_.functions.find(name);
    if (function == library_.functions.end() || --*walks_left_ < 0) return {};
    FlatGraph body;
    body.nodes = function->second.nodes;
    body.inputs = function->second.arguments;
    body.outputs = function->second.results;
    body.versions = library_.versions;
    if (body.inputs.size() != arguments.size() || shapes.size() != arguments.size()) return {};
    for (size_t i = 0; i < shapes.size(); ++i) {
      for (auto& [attr, value] : body.nodes[body.inputs[i].node].attrs) {
        if (attr == "shape") value = ShapeAttr(shapes[i]);
      }
    }
    try {
      const TensorSpecs tensors = InferTensors(&body);
      return Walk(*this, body, tensors, arguments).Results();
    } catch (const tf::Error&) {
      return {};  // the declared shapes do not fit the body; a run does not use them
    }
  }

  // Returns the states of the outputs of a loop or a branch by walking over its functions. No input is mixed.
  std::vector<SampleState> StatesOfControl(const FlatNode& node, std::vector<SampleState> inputs,
                                           const std::vector<TensorFacts>& facts) const {
    std::vector<Shape> shapes;
    for (const TensorFacts& each : facts) shapes.push_back(each.shape);
    if (ControlOf(node.op) != Control::kWhile) {
      inputs.erase(inputs.begin());
      shapes.erase(shapes.begin());
      std::vector<SampleState> states;
      for (const auto& [attr, value] : node.attrs) {
        for (const proto::FunctionReference& branch : proto::AttrFunctions(value)) {
          const std::vector<SampleState> results = ResultsOf(branch.name, inputs, shapes);
          if (results.empty()) return {SampleState::Unknown()};
          if (states.empty()) states = results;
          for (size_t i = 0; i < states.size(); ++i) states[i] = Either(states[i], results[i]);
        }
      }
      return states;
    }
    shapes = proto::AttrShapes(node.Attr("output_shapes"));
    const auto condition = proto::AttrFunction(node.Attr("cond"));
    const auto body = proto::AttrFunction(node.Attr("body"));
    if (!condition || !body) return {SampleState::Unknown()};
    for (int turn = 0; turn < kMostTurns; ++turn) {
      const std::vector<SampleState> more = ResultsOf(condition->name, inputs, shapes);
      const std::vector<SampleState> next = ResultsOf(body->name, inputs, shapes);
      if (more.empty() || next.size() != inputs.size()) return {SampleState::Unknown()};
      // The number of turns for one sample depends on the other samples.
      if (more[0].kind == SampleState::Kind::kMixed) return {SampleState::Mixed()};
      bool same = true;
      for (size_t i = 0; i < inputs.size(); ++i) {
        const SampleState either = Either(inputs[i], next[i]);
        same = same && either.kind == inputs[i].kind && either.axis == inputs[i].axis;
        inputs[i] = either;
      }
      if (same) break;
    }
    return inputs;
  }

  // Drops an axis that the tensor does not have, and elements that FoldIntegers does not stand for: those of
  // other dtypes and of tensors with several axes.
  void Settle(TensorId tensor, SampleState* state) const {
    const TensorSpec* spec = SpecOf(tensor);
    const int rank = spec == nullptr ? -1 : spec->shape.rank();
    if (state->HasAxis() && rank >= 0 && (state->axis < 0 || state->axis >= rank)) {
      *state = SampleState::Unknown();
    }
    if (!state->integers) return;
    const FlatNode& node = graph_.nodes[tensor.node];
    const bool integer = spec != nullptr && (spec->dtype == TF_INT32 || spec->dtype == TF_INT64);
    const int most = node.op == "Pack" || node.op == "Const" ? 2 : 1;
    if (!integer || rank < 0 || rank > most) state->integers.reset();
  }

  const FlatGraph& graph_;
  const TensorSpecs& tensors_;
  const FlatGraph& library_;  // the model's graph, which has the functions
  const bool is_body_ = false;
  int64_t walks_of_model_ = kMostWalks;
  int64_t* const walks_left_;
  std::map<int, SampleState> arguments_;  // by node
  std::vector<std::vector<SampleState>>
      states_;  // by node, then by output; the last entry holds for the rest
};

bool AllHoldOneSample(const FlatGraph& graph) {
  return std::all_of(graph.input_specs.begin(), graph.input_specs.end(), [](const TensorSpec& input) {
    return input.shape.rank() == 0 || (input.shape.rank() > 0 && input.shape.dims[0] == 1);
  });
}

}  // namespace

SamplesInGraph FollowSamples(const FlatGraph& graph, const TensorSpecs& tensors) {
  SamplesInGraph found;
  found.mixing.assign(graph.nodes.size(), 0);
  found.drawn_per_sample.assign(graph.nodes.size(), 0);
  if (AllHoldOneSample(graph)) return found;
  const Walk walk(graph, tensors);
  for (size_t node = 0; node < graph.nodes.size(); ++node) {
    found.mixing[node] = walk.Mixes(node) ? 1 : 0;
    found.drawn_per_sample[node] = walk.DrawsPerSample(node) ? 1 : 0;
  }
  return found;
}

}  // namespace ke::graph
