#include "ir/flat_graph.h"

#include <queue>

#include "tensorflow/protozero.h"
#include "wire/find_last.h"

namespace ke::graph {
namespace {

using protozero::pbf_writer;

// Field numbers of the messages written here.
constexpr uint32_t kGraphNode = 1;
constexpr uint32_t kGraphVersions = 4;
constexpr uint32_t kNodeName = 1;
constexpr uint32_t kNodeOp = 2;
constexpr uint32_t kNodeInput = 3;
constexpr uint32_t kNodeAttr = 5;

void WriteAttr(pbf_writer* node, const std::string& name, const std::string& value) {
  pbf_writer entry(*node, kNodeAttr);
  entry.add_string(1, name);
  entry.add_message(2, value);
}

}  // namespace

std::string_view FlatNode::Attr(std::string_view attr) const {
  return FindLast(attrs, attr).value_or(std::string_view());
}

void AppendNode(const FlatGraph& graph, const FlatNode& node, std::string* graph_def) {
  std::vector<std::string> inputs;
  for (const TensorId& input : node.inputs) {
    const std::string& name = graph.nodes[input.node].name;
    inputs.push_back(input.output == 0 ? name : name + ":" + std::to_string(input.output));
  }
  AppendNode(node, inputs, graph_def);
}

void AppendNode(const FlatNode& node, const std::vector<std::string>& inputs, std::string* graph_def) {
  pbf_writer writer(*graph_def);
  pbf_writer def(writer, kGraphNode);
  def.add_string(kNodeName, node.name);
  def.add_string(kNodeOp, node.kind == FlatNode::Kind::kOp ? node.op : "Placeholder");
  for (const std::string& input : inputs) def.add_string(kNodeInput, input);
  for (const auto& [name, value] : node.attrs) WriteAttr(&def, name, value);
}

void AppendVersions(const FlatGraph& graph, std::string* graph_def) {
  if (graph.versions.empty()) return;
  pbf_writer(*graph_def).add_message(kGraphVersions, graph.versions);
}

std::string TypeAttr(TF_DataType dtype) {
  std::string attr;
  pbf_writer(attr).add_enum(6, dtype);
  return attr;
}

std::string StringAttr(std::string_view value) {
  std::string attr;
  pbf_writer(attr).add_bytes(2, value.data(), value.size());
  return attr;
}

std::string Int32ScalarAttr(int32_t value) {
  std::string attr;
  {
    pbf_writer writer(attr);
    pbf_writer tensor(writer, 8);
    tensor.add_enum(1, TF_INT32);
    tensor.add_message(2, std::string());
    tensor.add_packed_int32(7, &value, &value + 1);
  }
  return attr;
}

std::string StringScalarAttr(std::string_view value) {
  std::string attr;
  {
    pbf_writer writer(attr);
    pbf_writer tensor(writer, 8);
    tensor.add_enum(1, TF_STRING);
    tensor.add_message(2, std::string());
    tensor.add_bytes(8, value.data(), value.size());
  }
  return attr;
}

std::string ShapeAttr(const Shape& shape) {
  std::string attr;
  {
    pbf_writer writer(attr);
    pbf_writer proto(writer, 7);
    if (!shape.known_rank) proto.add_bool(3, true);
    for (const int64_t size : shape.dims) {
      pbf_writer dim(proto, 2);
      dim.add_int64(1, size);
    }
  }
  return attr;
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
