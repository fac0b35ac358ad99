#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ke::graph {

// A layer as Keras 2's keras_metadata.pb describes it, with the layers it holds.
struct KerasLayer {
  std::string name;
  std::string type;  // Keras class name
  // How often the model around it calls it; 0 where the file does not say (a subclassed model).
  int calls = 0;
  std::vector<KerasLayer> layers;
};

// The model and its layers, in the order of model.layers. None where the file does not describe a Keras model.
std::optional<KerasLayer> ReadKerasModel(const std::string& keras_metadata);

}  // namespace ke::graph
