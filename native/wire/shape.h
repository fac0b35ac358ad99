#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensorflow/c_types.h"

namespace ke::graph {

// A static shape as TensorFlow infers it: an unknown rank, or dims where -1 means unknown.
struct Shape {
  bool known_rank = false;
  std::vector<int64_t> dims;

  static Shape Unknown() { return {}; }
  static Shape Of(std::vector<int64_t> dims) { return {true, std::move(dims)}; }

  int rank() const { return known_rank ? static_cast<int>(dims.size()) : -1; }
  bool IsFullyKnown() const {
    if (!known_rank) return false;
    for (const int64_t dim : dims) {
      if (dim < 0) return false;
    }
    return true;
  }
  // Returns whether a tensor with these `sizes` has this shape.
  bool Fits(const std::vector<int64_t>& sizes) const {
    if (!known_rank) return true;
    if (dims.size() != sizes.size()) return false;
    for (size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] >= 0 && dims[i] != sizes[i]) return false;
    }
    return true;
  }
  bool operator==(const Shape& other) const { return known_rank == other.known_rank && dims == other.dims; }
};

// Returns the shape as TypeScript shows it: "(null, 96, 96, 3)", or "unknown" for an unknown rank.
inline std::string ToString(const Shape& shape) {
  if (!shape.known_rank) return "unknown";
  std::string text;
  for (const int64_t dim : shape.dims) {
    text += (text.empty() ? "" : ", ") + (dim < 0 ? std::string("null") : std::to_string(dim));
  }
  return "(" + text + ")";
}

// A tensor of a graph, as users see it. `name` is "node:index" or a key of the signature, depending on the
// context.
struct TensorSpec {
  std::string name;
  TF_DataType dtype = TF_FLOAT;
  Shape shape;
};

}  // namespace ke::graph
