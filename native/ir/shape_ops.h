#pragma once

#include <string_view>

#include "wire/is_any_of.h"

namespace ke::graph {

// Whether an op's results say nothing of its inputs' values, only of their shapes.
inline bool ReadsShapeOnly(std::string_view op) {
  constexpr std::string_view kOps[] = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"};
  return IsAnyOf(op, kOps);
}

}  // namespace ke::graph
