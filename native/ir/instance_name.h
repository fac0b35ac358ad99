// The names that nodes have in a compiled graph, and what they tell of where a node comes from.
#pragma once

#include <string>

namespace ke::graph {

// Prefixes: an instance of a model, its weights, gradients, and constants copied into a loop's body.
inline constexpr char kModelPrefix[] = "model";
inline constexpr char kWeightsPrefix[] = "weights/";
inline constexpr char kGradientPrefix[] = "gradient/";
inline constexpr char kCopyPrefix[] = "copy/";

struct InstanceName {
  std::string graph_name;  // without "gradient/", of the op that it is the gradient of, or of a part of that
  std::string op;          // in the model where it is the model's: "dense/MatMul" of "model_1/dense/MatMul"
  bool of_model = false;
  bool weight = false;
  bool gradient = false;
};

InstanceName ParseName(std::string name);

}  // namespace ke::graph
