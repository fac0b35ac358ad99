// The record of one Keras layer.
#pragma once

#include <string>
#include <vector>

namespace ke::graph {

// One call of a Keras layer ("node" in Keras): the tensors that enter and leave the layer.
struct LayerCall {
  std::vector<std::string> inputs;   // tensor names "node:index"
  std::vector<std::string> outputs;  // tensor names "node:index"
};

struct LayerRecord {
  std::string name;               // as model.summary() shows it
  std::vector<std::string> path;  // the names of the enclosing models, outermost first, then the layer's own
  std::string type;  // Keras class name; inferred from the ops if the file does not name the class
  std::vector<LayerCall> calls;      // in order of call; a shared layer has several
  std::vector<std::string> weights;  // names of TensorSpecs returned by weights()
};

}  // namespace ke::graph
