#include "trace/recorded_model.h"

#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "build/scope.h"
#include "import/function_inliner.h"
#include "import/imported_model.h"
#include "ir/call_tree.h"
#include "ir/op_registry.h"
#include "tensorflow/read_graph.h"
#include "trace/replay.h"
#include "wire/proto.h"

namespace ke::trace {

using graph::FlatGraph;
using graph::FlatNode;
using graph::ImportedModel;
using graph::LayerRecord;
using graph::Scope;
using graph::Shape;
using graph::TensorSpec;
using tf::C;

namespace {

std::string NameOf(TF_Output tensor) {
  return std::string(C().TF_OperationName(tensor.oper)) + ":" + std::to_string(tensor.index);
}

[[noreturn]] void Refuse(const std::string& message) { throw tf::Error(TF_INVALID_ARGUMENT, message); }

class RecordedModel {
 public:
  RecordedModel(const Block& block, const ModelParts& parts) : parts_(parts) { Build(block); }

  ImportedModel Import() {
    std::vector<TensorSpec> arguments = Specs(parts_.inputs);
    for (const RecordedWeight& weight : parts_.weights) arguments.push_back(Spec(weight.symbol));
    std::vector<TensorSpec> outputs = Specs(parts_.outputs);

    const tf::BufferPtr bytes = tf::ToGraphDef(scope_.graph());
    const graph::proto::GraphDef graph =
        graph::proto::ReadGraph({static_cast<const char*>(bytes->data), bytes->length}, "the recording");
    graph::OpRegistry ops;
    graph::CallTree tree(graph, &ops);
    ImportedModel model{
        InlineFunctions(&tree, &ops, arguments, outputs, graph::NodeOrder::kFile).graph, {}, {}};
    model.graph.versions = graph.versions;
    TakeWeights(&model.graph);
    for (size_t i = 0; i < parts_.inputs.size(); ++i) model.graph.input_specs[i].name = parts_.inputs[i].name;
    for (size_t i = 0; i < outputs.size(); ++i) model.graph.output_specs[i].name = parts_.outputs[i].name;
    model.tensors = InferTensors(&model.graph);
    AddLayers(&model);
    model.graph.file_names.clear();
    return model;
  }

 private:
  // Builds the recording into a graph, and notes the tensors of all symbols that `parts_` names.
  void Build(Block block) {
    block.results.clear();
    for (const NamedSymbol& output : parts_.outputs) block.results.push_back(output.symbol);
    for (const RecordedLayer& layer : parts_.layers) {
      for (const RecordedCall& call : layer.calls) {
        block.results.insert(block.results.end(), call.inputs.begin(), call.inputs.end());
        block.results.insert(block.results.end(), call.outputs.begin(), call.outputs.end());
      }
    }
    // The model belongs to no run: a gate of the run that cancels loops would be out of place.
    scope_.MakePortable();
    std::vector<TF_Output> feeds;
    const std::vector<TF_Output> tensors = Replay(block, &scope_, &feeds, 0);
    for (size_t i = 0; i < feeds.size(); ++i) tensors_[block.parameters[i].symbol.id] = feeds[i];
    for (size_t i = 0; i < tensors.size(); ++i) tensors_[block.results[i]] = tensors[i];
  }

  TF_Output Tensor(SymbolId symbol) const {
    const auto found = tensors_.find(symbol);
    if (found == tensors_.end()) Refuse("symbol " + std::to_string(symbol) + " is not of the recording");
    return found->second;
  }

  TensorSpec Spec(SymbolId symbol) const {
    const TF_Output tensor = Tensor(symbol);
    return {NameOf(tensor), Scope::GetDType(tensor), scope_.GetShape(tensor)};
  }

  std::vector<TensorSpec> Specs(const std::vector<NamedSymbol>& symbols) const {
    std::vector<TensorSpec> specs;
    for (const NamedSymbol& each : symbols) specs.push_back(Spec(each.symbol));
    return specs;
  }

  // Turns the inputs of the graph that stand for weights into weights.
  void TakeWeights(FlatGraph* graph) const {
    std::set<std::string_view> names;
    const size_t inputs = parts_.inputs.size();
    for (size_t i = 0; i < parts_.weights.size(); ++i) {
      const RecordedWeight& weight = parts_.weights[i];
      const TensorSpec& spec = graph->input_specs[inputs + i];
      if (!names.insert(weight.name).second) Refuse("two weights have the name '" + weight.name + "'");
      const Shape given = Shape::Of(Dims(weight.value.get()));
      const TF_DataType dtype = C().TF_TensorType(weight.value.get());
      if (dtype != spec.dtype || ToString(given) != ToString(spec.shape)) {
        Refuse("the value of weight '" + weight.name + "' has shape " + ToString(given) +
               ", but the weight has shape " + ToString(spec.shape) + ", or their dtypes differ");
      }
      const int node = graph->inputs[inputs + i].node;
      graph->nodes[node].kind = FlatNode::Kind::kWeight;
      graph->weights.push_back({weight.name, node, spec.shape, spec.dtype, weight.value});
    }
    graph->inputs.resize(inputs);
    graph->input_specs.resize(inputs);
  }

  static std::vector<int64_t> Dims(const TF_Tensor* tensor) {
    std::vector<int64_t> dims(C().TF_NumDims(tensor));
    for (size_t i = 0; i < dims.size(); ++i) dims[i] = C().TF_Dim(tensor, static_cast<int>(i));
    return dims;
  }

  // Returns the names of the tensors that are part of the model.
  std::vector<std::string> Remaining(const ImportedModel& model, const std::vector<SymbolId>& symbols) const {
    std::vector<std::string> names;
    for (const SymbolId symbol : symbols) {
      std::string name = NameOf(Tensor(symbol));
      if (model.tensors.count(name) > 0) names.push_back(std::move(name));
    }
    return names;
  }

  void AddLayers(ImportedModel* model) const {
    std::unordered_map<std::string_view, int> scopes;
    for (const RecordedLayer& layer : parts_.layers) {
      LayerRecord record{layer.name, layer.path, layer.type, {}, layer.weights};
      for (const RecordedCall& call : layer.calls) {
        std::vector<std::string> outputs = Remaining(*model, call.outputs);
        if (outputs.empty()) continue;
        record.calls.push_back({Remaining(*model, call.inputs), std::move(outputs)});
        scopes.emplace(call.scope, static_cast<int>(model->layers.records.size()));
      }
      if (!record.calls.empty()) model->layers.records.push_back(std::move(record));
    }
    for (const FlatNode& node : model->graph.nodes) {
      model->layers.of_node.push_back(LayerOf(scopes, node.name));
    }
  }

  // Returns the layer with the longest scope that begins `name`, or -1.
  static int LayerOf(const std::unordered_map<std::string_view, int>& scopes, std::string_view name) {
    for (size_t slash = name.rfind('/'); slash != std::string_view::npos;
         slash = name.rfind('/', slash - 1)) {
      const auto found = scopes.find(name.substr(0, slash + 1));
      if (found != scopes.end()) return found->second;
      if (slash == 0) break;
    }
    return -1;
  }

  const ModelParts& parts_;
  Scope scope_;
  std::unordered_map<SymbolId, TF_Output> tensors_;
};

}  // namespace

std::shared_ptr<const graph::ModelGraph> ToModel(const Block& block, const ModelParts& parts) {
  return graph::ModelGraph::Of(RecordedModel(block, parts).Import(), parts.fingerprint);
}

}  // namespace ke::trace
