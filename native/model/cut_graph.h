// Cuts a model at tensors of its graph: a part of the model, with other inputs.
#pragma once

#include <string>
#include <vector>

#include "import/imported_model.h"
#include "layers/layer_record.h"

namespace ke::graph {

// A tensor at which a part of a model begins or ends, and its name among the inputs or outputs of the part.
struct CutTensor {
  TensorId tensor;
  std::string name;
};

// The model that is cut.
struct WholeModel {
  const FlatGraph& graph;
  const TensorSpecs& tensors;
  const std::vector<LayerRecord>& layers;
  const std::vector<int>& layer_of_node;
};

// Returns the part of a model that begins at `inputs` and ends at `outputs`. The part has all ops that do not
// depend on other inputs of the model, and the layers of these ops. It shares the values of the weights.
// Throws INVALID_ARGUMENT if two inputs are the same tensor, if an input is a weight, if no output depends on
// an input, or if an output depends on an input of the model that `inputs` leaves out.
ImportedModel CutGraph(const WholeModel& model, const std::vector<CutTensor>& inputs,
                       const std::vector<CutTensor>& outputs);

}  // namespace ke::graph
