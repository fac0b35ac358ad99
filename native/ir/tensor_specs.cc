#include "ir/tensor_specs.h"

#include <vector>

#include "tensorflow/handles.h"
#include "tensorflow/import_graph.h"

namespace ke::graph {

using tf::C;

TensorSpecs InferTensors(FlatGraph* graph) {
  std::string graph_def;
  for (const FlatNode& node : graph->nodes) AppendNode(*graph, node, &graph_def);
  AppendVersions(graph->versions, &graph_def);
  const tf::GraphPtr scratch = tf::GraphOf(graph_def);
  TensorSpecs tensors;
  std::vector<int64_t> dims;
  for (const FlatNode& node : graph->nodes) {
    TF_Operation* op = C().TF_GraphOperationByName(scratch.get(), node.name.c_str());
    for (int i = 0; i < C().TF_OperationNumOutputs(op); ++i) {
      const TF_Output output{op, i};
      TensorSpec spec;
      spec.name = node.name + ":" + std::to_string(i);
      spec.dtype = C().TF_OperationOutputType(output);
      tf::Status status;
      const int rank = C().TF_GraphGetTensorNumDims(scratch.get(), output, status);
      if (rank >= 0) {
        dims.resize(rank);
        C().TF_GraphGetTensorShape(scratch.get(), output, dims.data(), rank, status);
        spec.shape = Shape::Of(dims);
      }
      status.Check(node.name);
      tensors.emplace(spec.name, spec);
    }
  }
  for (size_t i = 0; i < graph->output_specs.size(); ++i) {
    TensorSpec& output = graph->output_specs[i];
    const std::string name = graph->TensorName(graph->outputs[i]);
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      throw tf::Error(TF_DATA_LOSS, "the model's output '" + output.name + "' (" + name + ") does not exist");
    }
    output.dtype = found->second.dtype;
    if (!output.shape.known_rank) output.shape = found->second.shape;
  }
  return tensors;
}

}  // namespace ke::graph
