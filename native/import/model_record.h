// What a frozen GraphDef does not say about its model: the names of inputs, outputs and weights, and the
// layers. Files that this package writes carry the record in a node without inputs, consumers and effects, so
// that other programs read the file as a GraphDef.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "layers/layer_record.h"
#include "wire/proto.h"
#include "wire/shape.h"

namespace ke::graph {

struct ModelRecord {
  struct Tensor {
    std::string name;
    std::string tensor;  // "node:index"
    Shape shape;
  };
  struct Weight {
    std::string name;
    std::string node;  // a Const
  };
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  std::vector<Weight> weights;
  std::vector<LayerRecord> layers;
  std::vector<std::string> warnings;
  std::string seed;  // the node that stands for the seed of the run; empty: nothing is drawn at random
};

// The attribute of the node with the record. Its op is NoOp.
inline constexpr char kModelRecord[] = "_keras_explainable_model";
// The attribute of a node with the index of its innermost layer in ModelRecord::layers.
inline constexpr char kLayerOfNode[] = "_keras_explainable_layer";

// Returns the value of the attribute kModelRecord.
std::string RecordAttr(const ModelRecord& record);

// Returns the record of a graph, or nothing if there is none. Throws DATA_LOSS for a damaged record, and
// OUT_OF_RANGE beyond bounds.h.
std::optional<ModelRecord> FindRecord(const proto::GraphDef& graph);

}  // namespace ke::graph
