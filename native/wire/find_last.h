#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

namespace ke::graph {

// Returns the value of the last of `attrs` (pairs of name and value) with this name. TensorFlow also uses the
// last of several values, so the value that is checked is the value that is used.
template <typename Attrs>
std::optional<std::string_view> FindLast(const Attrs& attrs, std::string_view name) {
  const auto found =
      std::find_if(attrs.rbegin(), attrs.rend(), [&](const auto& each) { return each.first == name; });
  if (found == attrs.rend()) return std::nullopt;
  return found->second;
}

}  // namespace ke::graph
