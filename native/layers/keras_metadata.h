#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ke::graph {

// A layer as Keras 2's keras_metadata.pb describes it, with the layers that it holds.
struct KerasLayer {
  std::string name;
  std::string type;  // Keras class name
  // The number of calls by the enclosing model, or 0 if the file does not say (a subclassed model).
  int calls = 0;
  std::vector<KerasLayer> layers;
};

struct KerasModel {
  KerasLayer model;  // its layers are in the order of model.layers
  // The layers of the model's inputs and outputs, in the model's order. Empty if the file does not say.
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
};

// Reads the content of keras_metadata.pb. Returns none if the content does not describe a Keras model.
std::optional<KerasModel> ReadKerasModel(const std::string& keras_metadata);

}  // namespace ke::graph
