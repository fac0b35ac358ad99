#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

namespace ke::graph {

// The value of the last of `attrs` (pairs of name and value) that has this name. Of several of a name the
// last counts, as TensorFlow reads them: what is checked is what is used.
template <typename Attrs>
std::optional<std::string_view> FindLast(const Attrs& attrs, std::string_view name) {
  const auto found =
      std::find_if(attrs.rbegin(), attrs.rend(), [&](const auto& each) { return each.first == name; });
  if (found == attrs.rend()) return std::nullopt;
  return found->second;
}

}  // namespace ke::graph
