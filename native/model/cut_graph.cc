#include "model/cut_graph.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "ir/unique_names.h"
#include "tensorflow/error.h"
#include "wire/write_proto.h"

namespace ke::graph {
namespace {

class GraphCut {
 public:
  GraphCut(const WholeModel& model, const std::vector<CutTensor>& inputs)
      : model_(model), graph_(model.graph), inputs_(inputs), place_(graph_.nodes.size(), kLost) {
    // What is not listed here, such as the versions, is that of the model.
    part_.graph = graph_;
    part_.graph.nodes.clear();
    part_.graph.weights.clear();
    part_.graph.inputs.clear();
    part_.graph.input_specs.clear();
    part_.graph.outputs.clear();
    part_.graph.output_specs.clear();
    for (const FlatNode& node : graph_.nodes) names_.Make(node.name);
    for (const CutTensor& input : inputs) Begin(input);
    for (size_t node = 0; node < graph_.nodes.size(); ++node) Keep(static_cast<int>(node));
  }

  ImportedModel Run(const std::vector<CutTensor>& outputs) {
    AddWeights();
    AddOutputs(outputs);
    AddTensors();
    AddLayers();
    return std::move(part_);
  }

 private:
  static constexpr int kLost = -1;

  [[noreturn]] static void Refuse(const std::string& message) {
    throw tf::Error(TF_INVALID_ARGUMENT, message);
  }

  const TensorSpec& SpecOf(TensorId tensor) const { return model_.tensors.at(graph_.TensorName(tensor)); }

  void Begin(const CutTensor& input) {
    const FlatNode& node = graph_.nodes[input.tensor.node];
    if (node.kind == FlatNode::Kind::kWeight || node.op == "Const") {
      Refuse("'" + input.name + "' is a constant of the model and cannot be an input");
    }
    TensorSpec spec = SpecOf(input.tensor);
    spec.name = input.name;
    FlatNode placeholder{FlatNode::Kind::kInput, names_.Make(node.name), {}, {}, {}};
    placeholder.attrs = {{"dtype", TypeAttr(spec.dtype)}, {"shape", ShapeAttr(spec.shape)}};
    const TensorId made{static_cast<int>(part_.graph.nodes.size()), 0};
    if (!begins_.emplace(input.tensor, made).second)
      Refuse("two inputs are the tensor of '" + input.name + "'");
    part_.graph.nodes.push_back(std::move(placeholder));
    part_.graph.inputs.push_back(made);
    part_.graph.input_specs.push_back(std::move(spec));
  }

  // Returns the tensor in the part. `node` is kLost if the tensor depends on an input that is left out.
  TensorId Moved(TensorId tensor) const {
    const auto begin = begins_.find(tensor);
    return begin != begins_.end() ? begin->second : TensorId{place_[tensor.node], tensor.output};
  }

  // Inputs come before their consumers.
  void Keep(int index) {
    FlatNode node = graph_.nodes[index];
    if (node.kind == FlatNode::Kind::kInput && node.name != graph_.seed) return;
    for (TensorId& input : node.inputs) {
      input = Moved(input);
      if (input.node == kLost) return;
    }
    place_[index] = static_cast<int>(part_.graph.nodes.size());
    part_.graph.nodes.push_back(std::move(node));
  }

  void AddWeights() {
    for (FlatWeight weight : graph_.weights) {
      weight.node = place_[weight.node];
      part_.graph.weights.push_back(std::move(weight));
    }
  }

  void AddOutputs(const std::vector<CutTensor>& outputs) {
    std::vector<char> used(part_.graph.nodes.size(), 0);
    for (const CutTensor& output : outputs) {
      const TensorId moved = Moved(output.tensor);
      if (moved.node == kLost) {
        Refuse("the output '" + output.name + "' also depends on the model's inputs " + LeftOut() +
               ": begin at tensors that lie on every way to the output");
      }
      TensorSpec spec = SpecOf(output.tensor);
      spec.name = output.name;
      part_.graph.outputs.push_back(moved);
      part_.graph.output_specs.push_back(std::move(spec));
      used[moved.node] = 1;
    }
    for (size_t node = used.size(); node-- > 0;) {
      if (used[node] == 0) continue;
      for (const TensorId& input : part_.graph.nodes[node].inputs) used[input.node] = 1;
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (used[part_.graph.inputs[i].node] == 0)
        Refuse("no output depends on the input '" + inputs_[i].name + "'");
    }
  }

  std::string LeftOut() const {
    std::string names;
    for (size_t i = 0; i < graph_.inputs.size(); ++i) {
      if (begins_.count(graph_.inputs[i]) > 0 || graph_.nodes[graph_.inputs[i].node].name == graph_.seed)
        continue;
      names += (names.empty() ? "'" : ", '") + graph_.input_specs[i].name + "'";
    }
    return names;
  }

  void AddTensors() {
    std::map<std::string, int> old;
    for (size_t node = 0; node < place_.size(); ++node) {
      if (place_[node] != kLost) old.emplace(graph_.nodes[node].name, static_cast<int>(node));
    }
    for (const auto& [name, spec] : model_.tensors) {
      if (old.count(name.substr(0, name.rfind(':'))) > 0) part_.tensors.emplace(name, spec);
    }
    for (const auto& [tensor, made] : begins_) {
      const std::string name = part_.graph.TensorName(made);
      TensorSpec spec = SpecOf(tensor);
      renamed_.emplace(spec.name, name);
      spec.name = name;
      part_.tensors.emplace(name, std::move(spec));
    }
  }

  // Returns the tensors of a layer's call that the part has, by their names there.
  std::vector<std::string> Remaining(const std::vector<std::string>& tensors) const {
    std::vector<std::string> remaining;
    for (const std::string& tensor : tensors) {
      const auto renamed = renamed_.find(tensor);
      const std::string& name = renamed == renamed_.end() ? tensor : renamed->second;
      if (part_.tensors.count(name) > 0) remaining.push_back(name);
    }
    return remaining;
  }

  void AddLayers() {
    std::vector<int> place(model_.layers.size(), kLost);
    for (size_t i = 0; i < place.size(); ++i) {
      LayerRecord layer = model_.layers[i];
      std::vector<LayerCall> calls;
      for (const LayerCall& call : layer.calls) {
        LayerCall remaining{Remaining(call.inputs), Remaining(call.outputs)};
        if (!remaining.outputs.empty()) calls.push_back(std::move(remaining));
      }
      if (calls.empty()) continue;
      layer.calls = std::move(calls);
      place[i] = static_cast<int>(part_.layers.records.size());
      part_.layers.records.push_back(std::move(layer));
    }
    part_.layers.of_node.assign(part_.graph.nodes.size(), -1);
    for (size_t node = 0; node < place_.size(); ++node) {
      const int layer = model_.layer_of_node[node];
      if (place_[node] != kLost && layer >= 0) part_.layers.of_node[place_[node]] = place[layer];
    }
  }

  const WholeModel model_;
  const FlatGraph& graph_;
  const std::vector<CutTensor>& inputs_;
  UniqueNames names_;
  ImportedModel part_;
  std::map<TensorId, TensorId> begins_;  // the tensors at which the part begins -> its inputs
  std::vector<int> place_;               // by node, the node in the part
  std::map<std::string, std::string> renamed_;
};

}  // namespace

ImportedModel CutGraph(const WholeModel& model, const std::vector<CutTensor>& inputs,
                       const std::vector<CutTensor>& outputs) {
  return GraphCut(model, inputs).Run(outputs);
}

}  // namespace ke::graph
