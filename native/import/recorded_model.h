// Loads what a model record says: the names of weights, and the layers.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "import/imported_model.h"
#include "import/model_record.h"

namespace ke::graph {

using VariableValues = std::map<std::string, std::shared_ptr<TF_Tensor>, std::less<>>;

// Makes the Consts that the record names as weights variables, and returns their values by node. `texts`
// holds the text of the changed nodes and must outlive `graph`. Throws DATA_LOSS if a Const is missing or
// damaged.
VariableValues TakeWeights(const ModelRecord& record, proto::GraphDef* graph, std::deque<std::string>* texts);

// Names and orders the weights of `flat`, and gives it the layers of the record. Of a part of the model, with
// `is_part`, only the layers and calls whose tensors exist. Throws DATA_LOSS for a record of another graph,
// and the errors of InferTensors.
ImportedModel WithRecordedLayers(FlatGraph flat, const ModelRecord& record, const proto::GraphDef& graph,
                                 bool is_part);

}  // namespace ke::graph
