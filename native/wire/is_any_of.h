#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

namespace ke::graph {

template <size_t N>
bool IsAnyOf(std::string_view name, const std::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace ke::graph
