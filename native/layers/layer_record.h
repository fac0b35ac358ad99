// What import knows of one Keras layer.
#pragma once

#include <string>
#include <vector>

namespace ke::graph {

// One call of a Keras layer ("node" in Keras): the tensors that enter it from outside and those that leave
// it.
struct LayerCall {
  std::vector<std::string> inputs;   // tensor names "node:index"
  std::vector<std::string> outputs;  // tensor names "node:index"
};

struct LayerRecord {
  std::string name;               // as model.summary() shows it
  std::vector<std::string> path;  // the names of the models around it and its own, outermost first
  std::string type;               // Keras class name; inferred from the ops where the file does not carry it
  std::vector<LayerCall> calls;   // in order of call; a shared layer has several
  std::vector<std::string> weights;  // names of TensorSpecs returned by weights()
};

}  // namespace ke::graph
