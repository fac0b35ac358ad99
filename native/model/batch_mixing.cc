#include "model/batch_mixing.h"

#include <algorithm>
#include <string_view>

#include "model/batch_axis_rules.h"
#include "tensorflow/dtype.h"

namespace ke::graph {
namespace {

// The states of all outputs of all nodes, computed in graph order.
class Walk {
 public:
  Walk(const FlatGraph& graph, const TensorSpecs& tensors) : graph_(graph), tensors_(tensors) {
    states_.reserve(graph.nodes.size());
    for (size_t node = 0; node < graph.nodes.size(); ++node) states_.push_back(Visit(static_cast<int>(node)));
  }

  bool Mixes(size_t node) const {
    return std::any_of(states_[node].begin(), states_[node].end(),
                       [](const SampleState& state) { return state.kind == SampleState::Kind::kMixed; });
  }

 private:
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
    if (node.kind == FlatNode::Kind::kInput) {
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
    std::vector<SampleState> outputs = StatesOfOutputs({node, inputs, facts, FactsOf({index, 0})});
    for (size_t i = 0; i < outputs.size(); ++i) Settle({index, static_cast<int>(i)}, &outputs[i]);
    return outputs;
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
  std::vector<std::vector<SampleState>>
      states_;  // by node, then by output; the last entry holds for the rest
};

bool AllHoldOneSample(const FlatGraph& graph) {
  return std::all_of(graph.input_specs.begin(), graph.input_specs.end(), [](const TensorSpec& input) {
    return input.shape.rank() == 0 || (input.shape.rank() > 0 && input.shape.dims[0] == 1);
  });
}

}  // namespace

std::vector<char> NodesThatMixSamples(const FlatGraph& graph, const TensorSpecs& tensors) {
  std::vector<char> mixing(graph.nodes.size(), 0);
  if (AllHoldOneSample(graph)) return mixing;
  const Walk walk(graph, tensors);
  for (size_t node = 0; node < mixing.size(); ++node) mixing[node] = walk.Mixes(node) ? 1 : 0;
  return mixing;
}

}  // namespace ke::graph
