// Names of nodes, whose parts are set apart by slashes, and lists of names as messages spell them.
#pragma once

#include <string>
#include <string_view>

namespace ke::graph {

// "a/b" of "a/b/c"; "" where there is no slash.
inline std::string_view ParentPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// "c" of "a/b/c".
inline std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// 'text'
inline std::string Quote(std::string_view text) { return "'" + std::string(text) + "'"; }

// The items, with `separator` between them; "" for none.
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

// 'a', 'b'; "" for none.
template <typename Items>
std::string QuotedList(const Items& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + Quote(item);
  return text;
}

}  // namespace ke::graph
