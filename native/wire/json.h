#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ke::graph {

// A JSON value as Python's json module writes it (including NaN and Infinity). Fractions are parsed but not
// kept, because nothing here needs them.
class Json {
 public:
  // Returns none if `text` is not JSON, or if its nesting or its number of values exceeds that of any Keras
  // configuration.
  static std::optional<Json> Parse(std::string_view text);

  // Returns a member of an object, or null if this is not an object or has no such member.
  const Json* Find(const std::string& key) const;
  // Returns the elements of an array. Empty for other values.
  const std::vector<Json>& items() const { return items_; }
  // Returns the text of a string. None for other values.
  const std::optional<std::string>& text() const { return text_; }
  std::string TextOf(const std::string& key) const;
  // Returns an integer of 64 bits. None for other values.
  const std::optional<int64_t>& integer() const { return integer_; }

 private:
  friend class JsonParser;
  std::optional<std::string> text_;
  std::optional<int64_t> integer_;
  std::vector<Json> items_;
  std::map<std::string, Json> members_;
};

}  // namespace ke::graph
