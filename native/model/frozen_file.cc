#include "model/frozen_file.h"

#include <iterator>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "import/model_record.h"
#include "ir/unique_names.h"
#include "tensorflow/dtype.h"
#include "tensorflow/protozero.h"
#include "wire/bounds.h"
#include "wire/field_numbers.h"
#include "wire/output_file.h"
#include "wire/write_proto.h"

namespace ke::graph {

using tf::C;

namespace {

using protozero::pbf_writer;

// Prepends the key of the field and the length of its message: `message` and `more` bytes behind it.
std::string AsField(uint32_t field, const std::string& message, size_t more) {
  std::string bytes;
  const auto append = [&](uint64_t value) { protozero::write_varint(std::back_inserter(bytes), value); };
  append(uint64_t{field} << 3 | static_cast<uint64_t>(protozero::pbf_wire_type::length_delimited));
  append(message.size() + more);
  return bytes + message;
}

class FrozenFile {
 public:
  FrozenFile(const WholeModel& model, const std::string& path) : model_(model), file_(path) {
    for (const FlatWeight& weight : model.graph.weights) weights_.emplace(weight.node, &weight);
  }

  void Write() {
    const FlatGraph& graph = model_.graph;
    UniqueNames names;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      const FlatNode& node = graph.nodes[i];
      names.Make(node.name);
      const auto weight = weights_.find(static_cast<int>(i));
      if (weight == weights_.end()) {
        WriteNode(node, model_.layer_of_node[i]);
      } else {
        WriteWeight(node, *weight->second, model_.layer_of_node[i]);
      }
    }
    std::string rest;
    AppendNode(names.Make("keras_explainable"), "NoOp", {}, {{kModelRecord, RecordAttr(Record())}}, &rest);
    std::vector<std::string_view> functions;
    for (const auto& [name, function] : graph.functions) functions.push_back(function.definition);
    AppendFunctions(functions, &rest);
    AppendVersions(graph.versions, &rest);
    Append(rest);
    file_.Close();
  }

 private:
  using Attrs = std::vector<std::pair<std::string, std::string>>;

  static Attrs LayerAttrs(int layer) { return layer < 0 ? Attrs() : Attrs{{kLayerOfNode, IntAttr(layer)}}; }

  void WriteNode(const FlatNode& node, int layer) {
    FlatNode written = node;
    for (auto& attr : LayerAttrs(layer)) written.attrs.push_back(std::move(attr));
    std::string bytes;
    AppendNode(model_.graph, written, &bytes);
    Append(bytes);
  }

  // Writes a Const with the bytes of the weight, without a copy of them.
  void WriteWeight(const FlatNode& node, const FlatWeight& weight, int layer) {
    if (weight.dtype == TF_STRING) {
      throw tf::Error(TF_UNIMPLEMENTED, "weight '" + weight.name + "' holds strings, which are not written",
                      weight.name);
    }
    const size_t size = C().TF_TensorByteSize(weight.value.get());
    const std::string_view content(static_cast<const char*>(C().TF_TensorData(weight.value.get())), size);
    std::string tensor;
    {
      pbf_writer writer(tensor);
      writer.add_enum(fields::tensor::kDType, weight.dtype);
      writer.add_message(fields::tensor::kShape, WriteShape(weight.shape));
    }
    // The tensor is the last field of each message around it, and its content is its last field.
    tensor += AsField(fields::tensor::kContent, "", size);
    const std::string value = AsField(fields::attr_value::kTensor, tensor, size);
    std::string entry;
    pbf_writer(entry).add_string(fields::map_entry::kKey, "value");
    entry += AsField(fields::map_entry::kValue, value, size);

    std::string graph;
    Attrs attrs = LayerAttrs(layer);
    attrs.emplace_back("dtype", TypeAttr(weight.dtype));
    AppendNode(node.name, "Const", {}, attrs, &graph);
    std::string def;
    protozero::pbf_reader reader(graph);
    while (reader.next()) def = reader.get_string();
    def += AsField(fields::node_def::kAttr, entry, size);
    Append(AsField(fields::graph_def::kNode, def, size));
    Append(content);
  }

  void Append(std::string_view bytes) {
    if (file_.size() + bytes.size() > static_cast<size_t>(bounds::kGraphBytes)) {
      throw tf::Error(TF_OUT_OF_RANGE,
                      "the model has more than the 2 GiB that a GraphDef can have: keep the file that the "
                      "model was loaded from, or convert a part of the model");
    }
    file_.Write(bytes);
  }

  ModelRecord Record() const {
    const FlatGraph& graph = model_.graph;
    ModelRecord record;
    const auto add = [&](const std::vector<TensorSpec>& specs, const std::vector<TensorId>& tensors,
                         std::vector<ModelRecord::Tensor>* to) {
      for (size_t i = 0; i < specs.size(); ++i) {
        if (graph.nodes[tensors[i].node].name == graph.seed) continue;
        to->push_back({specs[i].name, graph.TensorName(tensors[i]), specs[i].shape});
      }
    };
    add(graph.input_specs, graph.inputs, &record.inputs);
    add(graph.output_specs, graph.outputs, &record.outputs);
    for (const FlatWeight& weight : graph.weights) {
      record.weights.push_back({weight.name, graph.nodes[weight.node].name});
    }
    record.layers = model_.layers;
    record.warnings = graph.warnings;
    record.seed = graph.seed;
    return record;
  }

  const WholeModel& model_;
  OutputFile file_;
  std::unordered_map<int, const FlatWeight*> weights_;  // by node
};

}  // namespace

void WriteFrozenFile(const WholeModel& model, const std::string& path) { FrozenFile(model, path).Write(); }

}  // namespace ke::graph
