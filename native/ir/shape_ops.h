#pragma once

#include <string_view>

#include "wire/is_any_of.h"

namespace ke::graph {

// Returns whether the results of an op depend only on the shapes of its inputs, not on their values.
inline bool ReadsShapeOnly(std::string_view op) {
  constexpr std::string_view kOps[] = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"};
  return IsAnyOf(op, kOps);
}

}  // namespace ke::graph
