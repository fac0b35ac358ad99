#include "ir/flat_graph_builder.h"

namespace ke::graph {

TensorId FlatGraphBuilder::Add(FlatNode node) {
  node.name = names_.Make(node.name);
  Count(node);
  graph_.nodes.push_back(std::move(node));
  return {static_cast<int>(graph_.nodes.size()) - 1, 0};
}

TensorId FlatGraphBuilder::AddOp(std::string name, std::string op, std::vector<TensorId> inputs,
                                 std::vector<std::pair<std::string, std::string>> attrs) {
  return Add({FlatNode::Kind::kOp, std::move(name), std::move(op), std::move(inputs), std::move(attrs)});
}

TensorId FlatGraphBuilder::AddInt32(std::string name, int32_t value) {
  return AddOp(std::move(name), "Const", {},
               {{"dtype", TypeAttr(TF_INT32)}, {"value", Int32ScalarAttr(value)}});
}

TensorId FlatGraphBuilder::AddInput(std::string name, const TensorSpec& spec) {
  FlatNode node{FlatNode::Kind::kInput, std::move(name), {}, {}, {}};
  node.attrs = {{"dtype", TypeAttr(spec.dtype)}, {"shape", ShapeAttr(spec.shape)}};
  const TensorId input = Add(std::move(node));
  graph_.inputs.push_back(input);
  graph_.input_specs.push_back(spec);
  return input;
}

TensorId FlatGraphBuilder::AddSeed() {
  FlatNode node{FlatNode::Kind::kInput, "keras_explainable/seed", {}, {}, {}};
  node.attrs = {{"dtype", TypeAttr(TF_INT32)}, {"shape", ShapeAttr(Shape::Of({}))}};
  const TensorId seed = Add(std::move(node));
  graph_.seed = graph_.nodes[seed.node].name;
  return seed;
}

int FlatGraphBuilder::AddWeight(std::string name, TF_DataType dtype, const Shape& shape) {
  FlatWeight weight;
  weight.name = name;
  weight.dtype = dtype;
  weight.shape = shape;
  FlatNode node{FlatNode::Kind::kWeight, std::move(name), {}, {}, {}};
  node.attrs = {{"dtype", TypeAttr(dtype)}, {"shape", ShapeAttr(shape)}};
  weight.node = Add(std::move(node)).node;
  graph_.weights.push_back(std::move(weight));
  return static_cast<int>(graph_.weights.size()) - 1;
}

void FlatGraphBuilder::AddOutput(TensorId tensor, const TensorSpec& spec) {
  graph_.outputs.push_back(tensor);
  graph_.output_specs.push_back(spec);
}

// Functions of a file may be called often, and every call copies the nodes that outputs need.
void FlatGraphBuilder::Count(const FlatNode& node) {
  static constexpr const char* kWhole = "what the model's outputs need";
  auto bytes = static_cast<int64_t>(node.name.size() + node.op.size());
  for (const TensorId& input : node.inputs) {
    bytes += static_cast<int64_t>(sizeof input + graph_.nodes[input.node].name.size());
  }
  for (const auto& [name, value] : node.attrs) {
    bytes += static_cast<int64_t>(name.size() + value.size());
    CheckAttr(value, name, node.name, &repeated_left_);
  }
  nodes_left_.Take(1, kWhole, node.name);
  bytes_left_.Take(bytes, kWhole, node.name);
}

}  // namespace ke::graph
