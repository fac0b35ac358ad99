#include "import/recorded_model.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "wire/bounds.h"

namespace ke::graph {

using tf::C;

namespace {

[[noreturn]] void Contradiction(const std::string& what, std::string_view node = {}) {
  throw tf::Error(TF_DATA_LOSS, "the record of the model's layers contradicts its graph: " + what,
                  std::string(node));
}

tf::TensorPtr Decode(const proto::NodeDef& node) {
  const std::string name(node.name);
  const auto tensor = proto::AttrTensor(node.Attr("value"));
  const auto dtype = proto::AttrType(node.Attr("dtype"));
  if (node.op != "Const" || !tensor || !dtype) Contradiction("weight '" + name + "' is no Const", name);
  const Shape shape = proto::TensorShape(*tensor);
  CheckShape(shape, "weight '" + name + "'", name);
  const proto::Bytes content = proto::TensorContent(*tensor);
  const size_t size = C().TF_DataTypeSize(*dtype);
  const bool fits = shape.IsFullyKnown() && proto::TensorType(*tensor) == *dtype && size > 0 &&
                    content.size() % size == 0 &&
                    static_cast<int64_t>(content.size() / size) == Elements(shape);
  if (!fits) Contradiction("the value of weight '" + name + "' does not have its shape and dtype", name);
  tf::TensorPtr value = tf::AllocateTensor(*dtype, shape.dims);
  if (!content.empty()) std::memcpy(C().TF_TensorData(value.get()), content.data(), content.size());
  return value;
}

// Orders and names the weights as the record does.
void NameWeights(const ModelRecord& record, FlatGraph* flat) {
  std::unordered_map<std::string_view, size_t> places;  // by node
  for (size_t i = 0; i < record.weights.size(); ++i) places.emplace(record.weights[i].node, i);
  const auto place = [&](const FlatWeight& weight) {
    const auto found = places.find(flat->nodes[weight.node].name);
    if (found == places.end()) Contradiction("weight '" + weight.name + "' is not recorded", weight.name);
    return found->second;
  };
  std::stable_sort(flat->weights.begin(), flat->weights.end(),
                   [&](const FlatWeight& a, const FlatWeight& b) { return place(a) < place(b); });
  std::set<std::string_view> names;
  for (FlatWeight& weight : flat->weights) {
    weight.name = record.weights[place(weight)].name;
    if (!names.insert(weight.name).second) Contradiction("two weights are named '" + weight.name + "'");
  }
}

// Returns the layers whose tensors and weights exist. `kept` receives the index of each layer of the record,
// or -1.
std::vector<LayerRecord> KeepLayers(const ModelRecord& record, const FlatGraph& flat,
                                    const TensorSpecs& tensors, bool is_part, std::vector<int>* kept) {
  std::set<std::string_view> weights;
  for (const FlatWeight& weight : flat.weights) weights.insert(weight.name);
  const auto exist = [&](const std::vector<std::string>& names) {
    return std::all_of(names.begin(), names.end(),
                       [&](const std::string& name) { return tensors.find(name) != tensors.end(); });
  };
  std::vector<LayerRecord> layers;
  for (const LayerRecord& recorded : record.layers) {
    LayerRecord layer = recorded;
    std::erase_if(layer.calls,
                  [&](const LayerCall& call) { return !exist(call.inputs) || !exist(call.outputs); });
    std::erase_if(layer.weights, [&](const std::string& name) { return weights.count(name) == 0; });
    const bool is_whole =
        layer.calls.size() == recorded.calls.size() && layer.weights.size() == recorded.weights.size();
    if (!is_whole && !is_part) Contradiction("layer '" + layer.name + "' has tensors that do not exist");
    const bool is_left = is_whole || !layer.calls.empty();
    kept->push_back(is_left ? static_cast<int>(layers.size()) : -1);
    if (is_left) layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace

VariableValues TakeWeights(const ModelRecord& record, proto::GraphDef* graph,
                           std::deque<std::string>* texts) {
  std::unordered_map<std::string_view, proto::NodeDef*> nodes;
  for (proto::NodeDef& node : graph->nodes) nodes.emplace(node.name, &node);
  VariableValues values;
  for (const ModelRecord::Weight& weight : record.weights) {
    const auto found = nodes.find(weight.node);
    if (found == nodes.end()) Contradiction("node '" + weight.node + "' is missing", weight.node);
    proto::NodeDef& node = *found->second;
    tf::TensorPtr value = Decode(node);
    const std::string_view shape = texts->emplace_back(ShapeAttr(Shape::Of(tf::Dims(value.get()))));
    const proto::Bytes dtype = node.Attr("dtype");
    const proto::Bytes layer = node.Attr(kLayerOfNode);
    node.op = "VariableV2";
    node.attrs = {{"dtype", dtype}, {"shape", shape}, {kLayerOfNode, layer}};
    values.emplace(weight.node, std::move(value));
  }
  return values;
}

ImportedModel WithRecordedLayers(FlatGraph flat, const ModelRecord& record, const proto::GraphDef& graph,
                                 bool is_part) {
  NameWeights(record, &flat);
  for (size_t i = 0; i < flat.outputs.size(); ++i) {
    for (const ModelRecord::Tensor& output : record.outputs) {
      if (output.tensor == flat.TensorName(flat.outputs[i])) flat.output_specs[i].shape = output.shape;
    }
  }
  ImportedModel model{std::move(flat), {}, {}};
  model.tensors = InferTensors(&model.graph);
  std::vector<int> kept;
  model.layers.records = KeepLayers(record, model.graph, model.tensors, is_part, &kept);
  std::unordered_map<std::string_view, int64_t> layer_of;
  for (const proto::NodeDef& node : graph.nodes) {
    const auto layer = proto::AttrInt(node.Attr(kLayerOfNode));
    if (!layer) continue;
    if (*layer < 0 || *layer >= std::ssize(kept)) Contradiction("there is no such layer", node.name);
    layer_of.emplace(node.name, *layer);
  }
  for (const FlatNode& node : model.graph.nodes) {
    const auto layer = layer_of.find(node.name);
    model.layers.of_node.push_back(layer == layer_of.end() ? -1 : kept[static_cast<size_t>(layer->second)]);
  }
  model.graph.warnings = record.warnings;
  model.graph.file_names.clear();
  return model;
}

}  // namespace ke::graph
