// Helpers for names of nodes, whose parts are separated by slashes, and for lists of names in messages.
#pragma once

#include <string>
#include <string_view>

namespace ke::graph {

// Returns "a/b" for "a/b/c", or "" if there is no slash.
inline std::string_view ParentPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// Returns "c" for "a/b/c".
inline std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Returns the text in quotes: 'text'.
inline std::string Quote(std::string_view text) { return "'" + std::string(text) + "'"; }

// Returns the items joined by `separator`, or "" if there are none.
template <typename Items>
std::string Join(const Items& items, std::string_view separator = ", ") {
  std::string text;
  bool first = true;
  for (const auto& item : items) {
    if (!first) text += separator;
    text += item;
    first = false;
  }
  return text;
}

// Returns the items in quotes: 'a', 'b'. Returns "" if there are none.
template <typename Items>
std::string QuotedList(const Items& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + Quote(item);
  return text;
}

}  // namespace ke::graph
