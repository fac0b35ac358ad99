// A custom gradient, carried by an IdentityN of a graph as attributes. The first inputs and outputs of the
// IdentityN are those of the file. They are followed by the tensors that the gradient reads from the forward
// pass.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorflow/c_types.h"

namespace ke::graph {

struct CustomGradient {
  // A serialised GraphDef. Placeholder "in_i" is the gradient of output i of the IdentityN, or the value of
  // output i if the output was appended. Node "out_i" computes the gradient of input i.
  std::string graph_def;
  std::vector<int64_t> reads;         // the placeholders, by number
  std::vector<int64_t> makes;         // the inputs that have a gradient
  std::vector<TF_DataType> captured;  // the dtypes of the appended outputs
  int64_t outputs = 0;                // of the IdentityN in the file, without the appended outputs
  std::string refusal;                // the reason why the gradient cannot be computed; empty if it can
};

inline constexpr char kCustomGradientGraph[] = "_custom_gradient";
inline constexpr char kCustomGradientReads[] = "_custom_gradient_reads";
inline constexpr char kCustomGradientMakes[] = "_custom_gradient_makes";
inline constexpr char kCustomGradientOutputs[] = "_custom_gradient_outputs";  // without the appended outputs
inline constexpr char kCustomGradientRefusal[] = "_custom_gradient_refusal";

// Returns the name of a node of the gradient's graph.
inline std::string CustomGradientInput(int64_t i) { return "in_" + std::to_string(i); }
inline std::string CustomGradientOutput(int64_t i) { return "out_" + std::to_string(i); }

// Returns the attributes that carry `gradient` on an IdentityN.
std::vector<std::pair<std::string, std::string>> AttrsOf(const CustomGradient& gradient);

}  // namespace ke::graph
