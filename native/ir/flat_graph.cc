#include "ir/flat_graph.h"

#include <queue>

#include "wire/find_last.h"

namespace ke::graph {

std::string_view FlatNode::Attr(std::string_view attr) const {
  return FindLast(attrs, attr).value_or(std::string_view());
}

std::vector<std::string> FlatGraph::InputNames(const FlatNode& node) const {
  std::vector<std::string> inputs;
  for (const TensorId& input : node.inputs) {
    const std::string& name = nodes[input.node].name;
    inputs.push_back(input.output == 0 ? name : name + ":" + std::to_string(input.output));
  }
  return inputs;
}

void AppendNode(const FlatGraph& graph, const FlatNode& node, std::string* graph_def) {
  AppendNode(node, graph.InputNames(node), graph_def);
}

void AppendNode(const FlatNode& node, const std::vector<std::string>& inputs, std::string* graph_def) {
  AppendNode(node.name, node.kind == FlatNode::Kind::kOp ? node.op : "Placeholder", inputs, node.attrs,
             graph_def);
}

std::set<std::string_view> FunctionsOf(const FlatGraph& graph, const std::vector<const FlatNode*>& nodes) {
  std::set<std::string_view> functions;
  std::vector<const FlatNode*> waiting;
  const auto add = [&](const FlatNode& node) {
    if (ControlOf(node.op) != Control::kNone) waiting.push_back(&node);
  };
  for (const FlatNode* node : nodes) add(*node);
  while (!waiting.empty()) {
    const FlatNode& node = *waiting.back();
    waiting.pop_back();
    for (const auto& [attr, value] : node.attrs) {
      for (const proto::FunctionReference& reference : proto::AttrFunctions(value)) {
        const auto found = graph.functions.find(reference.name);
        if (found == graph.functions.end() || !functions.insert(found->first).second) continue;
        for (const FlatNode& inner : found->second.nodes) add(inner);
      }
    }
  }
  return functions;
}

void ForEachNode(const FlatGraph& graph, const std::function<void(const FlatNode&)>& visit) {
  for (const FlatNode& node : graph.nodes) visit(node);
  for (const auto& [name, function] : graph.functions) {
    for (const FlatNode& node : function.nodes) visit(node);
  }
}

void SortNodes(FlatGraph* graph, const std::vector<std::vector<int>>& rank) {
  const int count = static_cast<int>(graph->nodes.size());
  std::vector<int> waiting(count, 0);
  std::vector<std::vector<int>> consumers(count);
  for (int node = 0; node < count; ++node) {
    for (const TensorId& input : graph->nodes[node].inputs) {
      ++waiting[node];
      consumers[input.node].push_back(node);
    }
  }
  const auto later = [&](int a, int b) { return rank[a] != rank[b] ? rank[a] > rank[b] : a > b; };
  std::priority_queue<int, std::vector<int>, decltype(later)> ready(later);
  for (int node = 0; node < count; ++node) {
    if (waiting[node] == 0) ready.push(node);
  }
  std::vector<int> place(count, -1);
  std::vector<FlatNode> sorted;
  sorted.reserve(count);
  while (!ready.empty()) {
    const int node = ready.top();
    ready.pop();
    place[node] = static_cast<int>(sorted.size());
    sorted.push_back(std::move(graph->nodes[node]));
    for (const int consumer : consumers[node]) {
      if (--waiting[consumer] == 0) ready.push(consumer);
    }
  }
  for (FlatNode& node : sorted) {
    for (TensorId& input : node.inputs) input.node = place[input.node];
  }
  for (FlatWeight& weight : graph->weights) weight.node = place[weight.node];
  for (TensorId& tensor : graph->inputs) tensor.node = place[tensor.node];
  for (TensorId& tensor : graph->outputs) tensor.node = place[tensor.node];
  graph->nodes = std::move(sorted);
}

}  // namespace ke::graph
