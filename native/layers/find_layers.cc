#include "layers/find_layers.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "layers/layer_scopes.h"
#include "layers/layer_types.h"
#include "layers/scope_tree.h"
#include "wire/text.h"

namespace ke::graph {
namespace {

using Nodes = std::vector<int>;

// Returns the ops of each scope in graph order, including the ops of the layers that the scope holds. The
// scope of a Keras 2 layer may lie inside the scope of a layer that does not hold it ("Conv" and
// "Conv/BatchNorm"). The ops of such a layer belong only to that layer.
std::vector<Nodes> NodesOfScopes(const FlatGraph& graph, const std::vector<LayerScope>& scopes) {
  std::map<std::string_view, int> by_path;
  for (size_t i = 0; i < scopes.size(); ++i) by_path.emplace(scopes[i].scope, static_cast<int>(i));
  std::vector<Nodes> nodes(scopes.size());
  for (size_t node = 0; node < graph.nodes.size(); ++node) {
    if (graph.nodes[node].kind != FlatNode::Kind::kOp) continue;
    std::string_view path = ParentPath(graph.nodes[node].name);
    auto scope = by_path.find(path);
    while (scope == by_path.end() && !path.empty()) {
      path = ParentPath(path);
      scope = by_path.find(path);
    }
    if (scope == by_path.end()) continue;
    for (int at = scope->second; at >= 0; at = scopes[at].parent) nodes[at].push_back(static_cast<int>(node));
  }
  return nodes;
}

bool SameOps(const FlatGraph& graph, const Nodes& a, const Nodes& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [&](int left, int right) {
           return graph.nodes[left].op == graph.nodes[right].op;
         });
}

// Returns the connected components of `nodes`.
std::vector<Nodes> Components(const FlatGraph& graph, const Nodes& nodes) {
  std::map<int, int> root;
  for (const int node : nodes) root[node] = node;
  const auto find = [&](int node) {
    while (root[node] != node) node = root[node] = root[root[node]];
    return node;
  };
  for (const int node : nodes) {
    for (const TensorId& input : graph.nodes[node].inputs) {
      if (root.count(input.node) > 0) root[find(node)] = find(input.node);
    }
  }
  std::map<int, size_t> place;
  std::vector<Nodes> parts;
  for (const int node : nodes) {
    const auto [entry, added] = place.emplace(find(node), parts.size());
    if (added) parts.emplace_back();
    parts[entry->second].push_back(node);
  }
  return parts;
}

// Splits the ops of a scope into calls. Keras 2 calls a shared layer several times in one scope. Every call
// creates the same ops, one call after another, so equal runs of ops are the calls.
std::vector<Nodes> SplitCalls(const FlatGraph& graph, const Nodes& nodes, int calls) {
  if (calls == 1 || nodes.empty()) return {nodes};
  if (calls > 1 && nodes.size() % static_cast<size_t>(calls) == 0) {
    const size_t size = nodes.size() / static_cast<size_t>(calls);
    std::vector<Nodes> parts;
    for (size_t at = 0; at < nodes.size(); at += size) {
      const auto begin = nodes.begin() + static_cast<std::ptrdiff_t>(at);
      parts.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(size));
    }
    if (std::all_of(parts.begin(), parts.end(),
                    [&](const Nodes& part) { return SameOps(graph, part, parts[0]); })) {
      return parts;
    }
  }
  std::vector<Nodes> parts = Components(graph, nodes);
  const bool alike = std::all_of(parts.begin(), parts.end(),
                                 [&](const Nodes& part) { return SameOps(graph, part, parts[0]); });
  if (alike) return parts;
  return {nodes};
}

class LayerFinder {
 public:
  LayerFinder(const FlatGraph& graph, const std::unordered_map<std::string, TensorSpec>& tensors)
      : graph_(graph), tensors_(tensors), inside_(graph.nodes.size(), 0), consumers_(graph.nodes.size()) {
    for (size_t node = 0; node < graph.nodes.size(); ++node) {
      for (const TensorId& input : graph.nodes[node].inputs) {
        consumers_[input.node].push_back({static_cast<int>(node), input.output});
      }
    }
    for (const TensorId& output : graph.outputs) consumers_[output.node].push_back({-1, output.output});
    for (size_t i = 0; i < graph.weights.size(); ++i) {
      weight_of_node_[graph.weights[i].node] = i;
      weight_by_name_[graph.weights[i].name] = i;
    }
  }

  Layers Run(const LayerScopes& found) {
    AddInputLayers(found.input_layers);
    const std::vector<Nodes> nodes = NodesOfScopes(graph_, found.scopes);
    // Several scopes may be calls of one layer.
    std::map<std::vector<std::string>, size_t> by_path;
    std::vector<std::vector<Nodes>> calls_of;
    const size_t first = records_.size();
    for (size_t i = 0; i < found.scopes.size(); ++i) {
      const LayerScope& scope = found.scopes[i];
      if (nodes[i].empty()) continue;
      const auto [entry, added] = by_path.emplace(scope.path, calls_of.size());
      if (added) {
        LayerRecord record;
        record.name = scope.path.back();
        record.path = scope.path;
        record.type = scope.type;
        records_.push_back(std::move(record));
        calls_of.emplace_back();
      }
      for (Nodes& call : SplitCalls(graph_, nodes[i], scope.calls))
        calls_of[entry->second].push_back(std::move(call));
    }
    for (size_t i = 0; i < calls_of.size(); ++i) {
      LayerRecord& record = records_[first + i];
      // Calls are in the order of execution, even if a model that holds the layer is called from several
      // scopes.
      std::stable_sort(calls_of[i].begin(), calls_of[i].end(),
                       [](const Nodes& a, const Nodes& b) { return a.front() < b.front(); });
      std::set<size_t> weights;
      for (const Nodes& call : calls_of[i]) AddCall(call, &record, &weights);
    }
    std::map<std::vector<std::string>, std::set<std::string, std::less<>>> children;  // by the parent's path
    for (const LayerRecord& record : records_) {
      children[{record.path.begin(), record.path.end() - 1}].insert(record.name);
    }
    for (size_t i = 0; i < calls_of.size(); ++i) {
      LayerRecord& record = records_[first + i];
      if (!record.type.empty()) continue;
      const FlatWeight* kernel = Kernel(record);
      record.type =
          InferLayerType({graph_, tensors_, calls_of[i].front(), record, children[record.path], kernel});
    }
    std::vector<int> of_node = LayerOfNodes(calls_of, first);
    return {std::move(records_), std::move(of_node)};
  }

 private:
  // `calls_of` holds the calls of the layers from index `first` on.
  std::vector<int> LayerOfNodes(const std::vector<std::vector<Nodes>>& calls_of, size_t first) const {
    std::vector<int> layers(graph_.nodes.size(), -1);
    const auto assign = [&](int node, size_t layer) {
      int& of = layers[node];
      if (of < 0 || records_[of].path.size() < records_[layer].path.size()) of = static_cast<int>(layer);
    };
    for (size_t i = 0; i < calls_of.size(); ++i) {
      const size_t layer = first + i;
      for (const Nodes& call : calls_of[i]) {
        for (const int node : call) assign(node, layer);
      }
      for (const std::string& name : records_[layer].weights) {
        assign(graph_.weights[weight_by_name_.at(name)].node, layer);
      }
    }
    for (size_t layer = 0; layer < first; ++layer) assign(graph_.inputs[layer].node, layer);
    return layers;
  }

  struct Consumer {
    int node;  // -1: an output of the model
    int output;
  };

  void AddInputLayers(const std::vector<std::string>& names) {
    for (size_t i = 0; i < names.size() && i < graph_.inputs.size(); ++i) {
      LayerRecord record;
      record.name = names[i];
      record.path = {names[i]};
      record.type = "InputLayer";
      record.calls.push_back({{}, {graph_.TensorName(graph_.inputs[i])}});
      records_.push_back(std::move(record));
    }
  }

  // `weights`: the weights that `record` already has.
  void AddCall(const Nodes& nodes, LayerRecord* record, std::set<size_t>* weights) {
    for (const int node : nodes) inside_[node] = 1;
    LayerCall call;
    std::set<TensorId> seen;
    for (const int node : nodes) {
      for (const TensorId& input : graph_.nodes[node].inputs) {
        if (inside_[input.node] != 0 || !seen.insert(input).second) continue;
        const auto weight = weight_of_node_.find(input.node);
        if (weight != weight_of_node_.end()) {
          if (weights->insert(weight->second).second) {
            record->weights.push_back(graph_.weights[weight->second].name);
          }
        } else if (graph_.nodes[input.node].op != "Const") {
          call.inputs.push_back(graph_.TensorName(input));
        }
      }
    }
    for (const int node : nodes) {
      if (graph_.nodes[node].op == "Const") continue;
      std::set<int> leaving;
      for (const Consumer& consumer : consumers_[node]) {
        if (consumer.node < 0 || inside_[consumer.node] == 0) leaving.insert(consumer.output);
      }
      for (const int output : leaving) call.outputs.push_back(graph_.TensorName({node, output}));
    }
    for (const int node : nodes) inside_[node] = 0;
    record->calls.push_back(std::move(call));
  }

  // Returns the layer's first weight, in the order of the graph, that is named a kernel, or null.
  const FlatWeight* Kernel(const LayerRecord& record) const {
    size_t first = graph_.weights.size();
    for (const std::string& name : record.weights) {
      if (name.find("kernel") != std::string::npos) first = std::min(first, weight_by_name_.at(name));
    }
    return first == graph_.weights.size() ? nullptr : &graph_.weights[first];
  }

  const FlatGraph& graph_;
  const std::unordered_map<std::string, TensorSpec>& tensors_;
  std::vector<char> inside_;  // of the current call
  std::vector<std::vector<Consumer>> consumers_;
  std::map<int, size_t> weight_of_node_;
  std::unordered_map<std::string_view, size_t> weight_by_name_;
  std::vector<LayerRecord> records_;
};

}  // namespace

Layers FindLayers(const FlatGraph& graph, const std::unordered_map<std::string, TensorSpec>& tensors,
                  const std::optional<KerasModel>& keras) {
  return LayerFinder(graph, tensors).Run(FindLayerScopes(graph, keras));
}

}  // namespace ke::graph
