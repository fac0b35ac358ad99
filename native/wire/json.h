#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ke::graph {

// A JSON value as Python's json module writes it (NaN and Infinity included). Fractions are read over, not
// kept: nothing here needs them.
class Json {
 public:
  // None where `text` is no JSON, or nests deeper or holds more than any Keras configuration does.
  static std::optional<Json> Parse(std::string_view text);

  // A member of an object; null where this is no object or has none of that name.
  const Json* Find(const std::string& key) const;
  // The elements of an array; empty for anything else.
  const std::vector<Json>& items() const { return items_; }
  // The text of a string; none for anything else.
  const std::optional<std::string>& text() const { return text_; }
  std::string TextOf(const std::string& key) const;
  // None for anything but an integer of 64 bits.
  const std::optional<int64_t>& integer() const { return integer_; }

 private:
  friend class JsonParser;
  std::optional<std::string> text_;
  std::optional<int64_t> integer_;
  std::vector<Json> items_;
  std::map<std::string, Json> members_;
};

}  // namespace ke::graph
