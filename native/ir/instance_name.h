// The names of nodes in a compiled graph, and the origin of a node that its name tells.
#pragma once

#include <string>

namespace ke::graph {

// Prefixes of an instance of a model, its weights, gradients, and constants copied into a loop's body.
inline constexpr char kModelPrefix[] = "model";
inline constexpr char kWeightsPrefix[] = "weights/";
inline constexpr char kGradientPrefix[] = "gradient/";
inline constexpr char kCopyPrefix[] = "copy/";

struct InstanceName {
  std::string graph_name;  // without "gradient/": the name of the differentiated op, or a longer name that
                           // begins with it
  std::string op;  // name in the model if the node is the model's: "dense/MatMul" for "model_1/dense/MatMul"
  bool of_model = false;
  bool weight = false;
  bool gradient = false;
};

InstanceName ParseName(std::string name);

}  // namespace ke::graph
