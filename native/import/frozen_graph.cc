#include "import/frozen_graph.h"

#include <algorithm>
#include <deque>
#include <set>
#include <unordered_map>

#include "import/custom_gradients.h"
#include "import/function_inliner.h"
#include "import/fused_ops.h"
#include "import/lift_constants.h"
#include "import/lookup_tables.h"
#include "import/recorded_model.h"
#include "ir/call_tree.h"
#include "tensorflow/protozero.h"
#include "wire/bounds.h"
#include "wire/read_file.h"

namespace ke::graph {

using tf::C;

namespace {

std::string_view NodeName(std::string_view tensor) { return tensor.substr(0, tensor.find(':')); }

class FrozenGraph {
 public:
  FrozenGraph(const proto::GraphDef& graph, const std::string& file) : graph_(graph), file_(file) {
    for (const proto::NodeDef& node : graph.nodes) nodes_.emplace(node.name, &node);
  }

  std::vector<TensorSpec> Inputs(const std::vector<std::string>& wanted) const {
    std::vector<TensorSpec> inputs;
    const auto add = [&](const std::string& name, std::optional<TF_DataType> dtype,
                         const std::optional<Shape>& shape) {
      inputs.push_back({name, dtype.value_or(TF_FLOAT), shape.value_or(Shape::Unknown())});
      CheckShape(inputs.back().shape, "input '" + name + "'", NodeName(name));
    };
    for (const std::string& name : wanted) {
      const proto::NodeDef& node = Find(name, "input");
      const auto dtype = proto::AttrType(node.Attr(node.Attr("dtype").empty() ? "T" : "dtype"));
      add(name, dtype, proto::AttrShape(node.Attr("shape")));
    }
    if (!wanted.empty()) return inputs;
    for (const proto::NodeDef& node : graph_.nodes) {
      if (node.op != "Placeholder") continue;
      add(std::string(node.name), proto::AttrType(node.Attr("dtype")), proto::AttrShape(node.Attr("shape")));
    }
    if (inputs.empty()) {
      throw tf::Error(TF_INVALID_ARGUMENT,
                      file_ + " has no placeholder: name its inputs with the option `inputs`");
    }
    return inputs;
  }

  std::vector<TensorSpec> Outputs(const std::vector<std::string>& wanted) const {
    std::vector<TensorSpec> outputs;
    for (const std::string& name : wanted) {
      Find(name, "output");
      outputs.push_back({name, TF_FLOAT, Shape::Unknown()});
    }
    if (!wanted.empty()) return outputs;
    std::set<std::string_view> consumed;
    for (const proto::NodeDef& node : graph_.nodes) {
      for (const std::string_view input : node.inputs) consumed.insert(NodeName(input));
    }
    for (const proto::NodeDef& node : graph_.nodes) {
      if (consumed.count(node.name) > 0 || node.op == "NoOp" || node.op == "Const" ||
          node.op == "Placeholder") {
        continue;
      }
      outputs.push_back({std::string(node.name), TF_FLOAT, Shape::Unknown()});
    }
    if (outputs.empty()) {
      throw tf::Error(
          TF_INVALID_ARGUMENT,
          file_ + " has no node that nothing consumes: name its outputs with the option `outputs`");
    }
    return outputs;
  }

 private:
  const proto::NodeDef& Find(const std::string& tensor, const std::string& role) const {
    const std::string_view name = NodeName(tensor);
    const auto found = nodes_.find(name);
    if (found != nodes_.end()) return *found->second;
    std::string available;
    int listed = 0;
    for (const proto::NodeDef& node : graph_.nodes) {
      const bool fits = role == "input" ? node.op.starts_with("Placeholder") : node.op != "Const";
      if (fits && listed++ < 20) available += (available.empty() ? "" : ", ") + std::string(node.name);
    }
    throw tf::Error(TF_NOT_FOUND, file_ + " has no node '" + std::string(name) + "' (given as an " + role +
                                      "); it has: " + (available.empty() ? "none" : available) +
                                      (listed > 20 ? ", ..." : ""));
  }

  const proto::GraphDef& graph_;
  const std::string& file_;
  std::unordered_map<std::string_view, const proto::NodeDef*> nodes_;
};

// A field key consists of the field number and the wire type.
constexpr uint64_t KeyOf(uint32_t field, protozero::pbf_wire_type type) {
  return field << 3 | static_cast<uint64_t>(type);
}

// Returns whether a file begins like a GraphDef: with a GraphDef field and, in a node or the library, with
// one of its fields. A file that ends within these keys may be truncated, which the reader reports.
bool Recognises(const PathSample& sample) {
  using protozero::pbf_wire_type;
  if (!sample.IsFile() || sample.start.empty()) return false;
  const char* at = sample.start.data();
  const char* const end = at + sample.start.size();
  try {
    const uint64_t key = static_cast<unsigned char>(*at++);
    if (key == KeyOf(3, pbf_wire_type::varint)) return true;            // a version, from 2015
    if (key == KeyOf(4, pbf_wire_type::length_delimited)) return true;  // versions
    const bool is_node = key == KeyOf(1, pbf_wire_type::length_delimited);
    const bool is_library = key == KeyOf(2, pbf_wire_type::length_delimited);
    if (!is_node && !is_library) return false;
    if (protozero::decode_varint(&at, end) == 0) return true;
    const uint64_t inner = protozero::decode_varint(&at, end);
    return (inner & 7) == static_cast<uint64_t>(pbf_wire_type::length_delimited) && inner >> 3 >= 1 &&
           inner >> 3 <= (is_node ? 7 : 3);
  } catch (const protozero::end_of_buffer_exception&) {
    return true;
  } catch (const protozero::varint_too_long_exception&) {
    return false;
  }
}

void RefuseOptionsOfSavedModels(const LoadOptions& options) {
  if (!options.signature && !options.tags) return;
  throw tf::Error(TF_INVALID_ARGUMENT,
                  std::string("the option `") + (options.signature ? "signature" : "tags") +
                      "` chooses a part of a SavedModel, but " + options.path +
                      " is a frozen GraphDef: name its tensors in `inputs` and `outputs`");
}

// Strings cannot be returned to the caller. Removes the outputs that are strings, unless all are.
void DropStrings(FlatGraph* graph) {
  FlatGraph kept;
  for (size_t i = 0; i < graph->outputs.size(); ++i) {
    if (graph->output_specs[i].dtype == TF_STRING) continue;
    kept.outputs.push_back(graph->outputs[i]);
    kept.output_specs.push_back(graph->output_specs[i]);
  }
  if (kept.outputs.empty()) return;
  graph->outputs = std::move(kept.outputs);
  graph->output_specs = std::move(kept.output_specs);
}

// Gives the variables their values. Throws for a variable without a value.
void SetValues(const std::string& path, const VariableValues& values, CallTree* tree, Flattened* flat) {
  for (const VariableUse& variable : flat->variables) {
    FlatWeight& weight = flat->graph.weights[variable.weight];
    const bool is_top = variable.handle.call == 0;
    const auto value = is_top ? values.find(tree->Node(variable.handle).name) : values.end();
    if (value == values.end()) {
      throw tf::Error(
          TF_INVALID_ARGUMENT,
          path + " is not frozen: it reads variable '" + weight.name + "', whose value it does not hold",
          weight.name);
    }
    if (C().TF_TensorType(value->second.get()) != weight.dtype) {
      throw tf::Error(TF_DATA_LOSS, "weight '" + weight.name + "' has another dtype than its graph declares",
                      weight.name);
    }
    weight.value = value->second;
    weight.shape = Shape::Of(tf::Dims(weight.value.get()));
    weight.is_variable = false;
    for (auto& [attr, bytes] : flat->graph.nodes[weight.node].attrs) {
      if (attr == "shape") bytes = ShapeAttr(weight.shape);
    }
  }
}

std::vector<std::string> TensorsOf(const std::vector<NamedTensor>& named) {
  std::vector<std::string> tensors;
  for (const NamedTensor& each : named) tensors.push_back(each.tensor);
  return tensors;
}

// Returns the given tensors. A name of the record stands for the tensor that the record has for it. Without
// given tensors, returns those of the record.
std::vector<NamedTensor> Recorded(const std::vector<NamedTensor>& given,
                                  const std::vector<ModelRecord::Tensor>& recorded) {
  std::vector<NamedTensor> tensors = given;
  for (NamedTensor& each : tensors) {
    const auto found = std::find_if(recorded.begin(), recorded.end(), [&](const ModelRecord::Tensor& tensor) {
      return tensor.name == each.name;
    });
    if (found != recorded.end()) each.tensor = found->tensor;
  }
  if (!given.empty()) return tensors;
  for (const ModelRecord::Tensor& tensor : recorded) tensors.push_back({tensor.name, tensor.tensor});
  return tensors;
}

ImportedModel ImportGraph(const GraphParts& given, proto::Bytes bytes, Bias bias) {
  std::vector<NamedTensor> input_tensors = given.inputs;
  std::vector<NamedTensor> output_tensors = given.outputs;
  VariableValues variables = given.variables;
  proto::MetaGraphDef meta;
  meta.graph = proto::ReadGraph(bytes, given.path);
  const std::optional<std::string> plain = WithoutFusedOps(meta.graph, bytes, bias);
  if (plain) meta.graph = proto::ReadGraph(*plain, given.path);
  if (meta.graph.nodes.empty()) {
    throw tf::Error(TF_DATA_LOSS, given.path + " holds no graph: it is no GraphDef");
  }
  const std::optional<ModelRecord> record = FindRecord(meta.graph);
  std::deque<std::string> texts;
  if (record) {
    variables = TakeWeights(*record, &meta.graph, &texts);
    input_tensors = Recorded(given.inputs, record->inputs);
    output_tensors = Recorded(given.outputs, record->outputs);
    if (!record->seed.empty()) {
      if (!given.allow_random) {
        throw tf::Error(TF_UNIMPLEMENTED,
                        given.path + " draws random numbers: load it with the option `allowRandom: true`");
      }
      input_tensors.push_back({"seed", record->seed});
    }
  }
  const proto::GraphDef& graph = meta.graph;
  const FrozenGraph frozen(graph, given.path);
  const std::vector<TensorSpec> inputs = frozen.Inputs(TensorsOf(input_tensors));
  const std::vector<TensorSpec> outputs = frozen.Outputs(TensorsOf(output_tensors));
  OpRegistry ops(given.allow_ops, given.allow_random);
  CallTree tree(graph, &ops);
  CustomGradients gradients(&tree, &ops, meta, {});
  LookupTables tables(&tree, {});
  // The nodes of a recorded model have the order of the model.
  const NodeOrder order = record ? NodeOrder::kFile : NodeOrder::kDependency;
  Flattened flat =
      InlineFunctions(&tree, &ops, inputs, outputs, order, {&gradients, &tables, given.allow_random});
  if (auto warning = gradients.Warning()) flat.graph.warnings.push_back(*std::move(warning));
  SetValues(given.path, variables, &tree, &flat);
  flat.graph.versions = graph.versions;
  for (size_t i = 0; i < input_tensors.size(); ++i) flat.graph.input_specs[i].name = input_tensors[i].name;
  for (size_t i = 0; i < output_tensors.size(); ++i) flat.graph.output_specs[i].name = output_tensors[i].name;
  if (record) {
    if (!record->seed.empty()) {
      flat.graph.seed = flat.graph.nodes[flat.graph.inputs.back().node].name;
      flat.graph.inputs.pop_back();
      flat.graph.input_specs.pop_back();
    }
    const bool is_part = !given.inputs.empty() || !given.outputs.empty();
    return WithRecordedLayers(std::move(flat.graph), *record, graph, is_part);
  }
  LiftConstants(&flat.graph, ConstantPolicy::kVariableLike);
  ImportedModel model = WithFoundLayers(std::move(flat.graph));
  if (given.outputs.empty()) DropStrings(&model.graph);
  return model;
}

std::vector<NamedTensor> Named(const std::vector<std::string>& tensors) {
  std::vector<NamedTensor> named;
  for (const std::string& tensor : tensors) named.push_back({tensor, tensor});
  return named;
}

ImportedModel Import(const LoadOptions& options) {
  RefuseOptionsOfSavedModels(options);
  const std::string bytes = ReadFile(options.path, "the model's graph", bounds::kGraphBytes);
  return ImportGraph({options.path,
                      {},
                      {},
                      Named(options.inputs),
                      Named(options.outputs),
                      options.allow_ops,
                      options.allow_random},
                     bytes, Bias::kVector);
}

}  // namespace

ImportedModel ImportGraphParts(const GraphParts& parts) {
  return ImportGraph(parts, parts.graph_def, Bias::kAny);
}

const Importer kFrozenGraph = {"a frozen GraphDef (.pb)", Recognises, Import};

}  // namespace ke::graph
