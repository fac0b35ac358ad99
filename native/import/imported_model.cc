#include "import/imported_model.h"

#include <utility>

namespace ke::graph {

ImportedModel WithFoundLayers(FlatGraph graph, const std::optional<KerasModel>& keras) {
  ImportedModel model{std::move(graph), {}, {}};
  model.tensors = InferTensors(&model.graph);
  model.layers = FindLayers(model.graph, model.tensors, keras);
  model.graph.file_names.clear();
  return model;
}

}  // namespace ke::graph
