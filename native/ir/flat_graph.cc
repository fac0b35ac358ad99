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
