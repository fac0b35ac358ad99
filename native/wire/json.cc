#include "wire/json.h"

#include <charconv>
#include <cstdint>
#include <system_error>

#include "wire/bounds.h"

namespace ke::graph {

class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : text_(text) {}

  std::optional<Json> Run() {
    Json value;
    if (!Value(&value, 0)) return std::nullopt;
    SkipSpace();
    if (at_ != text_.size()) return std::nullopt;
    return value;
  }

 private:
  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool Take(char expected) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }

  bool Value(Json* value, int depth) {
    if (depth > bounds::kJsonDepth || ++values_ > bounds::kJsonValues) return false;
    SkipSpace();
    if (at_ >= text_.size()) return false;
    switch (text_[at_]) {
      case '{':
        return Object(value, depth);
      case '[':
        return Array(value, depth);
      case '"':
        value->text_.emplace();
        return String(&*value->text_);
      default:
        return Word(&value->integer_);
    }
  }

  bool Object(Json* value, int depth) {
    ++at_;
    if (Take('}')) return true;
    do {
      SkipSpace();
      std::string key;
      if (!String(&key) || !Take(':') || !Value(&value->members_[key], depth + 1)) return false;
    } while (Take(','));
    return Take('}');
  }

  bool Array(Json* value, int depth) {
    ++at_;
    if (Take(']')) return true;
    do {
      value->items_.emplace_back();
      if (!Value(&value->items_.back(), depth + 1)) return false;
    } while (Take(','));
    return Take(']');
  }

  // Reads a number, or one of true, false, null, NaN and Infinity.
  bool Word(std::optional<int64_t>* integer) {
    const size_t start = at_;
    while (at_ < text_.size() && std::string_view(",]} \n\t\r").find(text_[at_]) == std::string_view::npos)
      ++at_;
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + start, text_.data() + at_, value);
    if (error == std::errc() && end == text_.data() + at_) *integer = value;
    return at_ > start;
  }

  bool String(std::string* out) {
    if (at_ >= text_.size() || text_[at_] != '"') return false;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c != '\\') {
        out->push_back(c);
        continue;
      }
      if (++at_ >= text_.size()) return false;
      if (!Escape(out)) return false;
    }
    return false;
  }

  bool Escape(std::string* out) {
    constexpr std::string_view kFrom = "bfnrt";
    constexpr std::string_view kTo = "\b\f\n\r\t";
    const char c = text_[at_];
    if (c != 'u') {
      const size_t known = kFrom.find(c);
      out->push_back(known == std::string_view::npos ? c : kTo[known]);
      return true;
    }
    uint32_t code = 0;
    if (!Hex(&code)) return false;
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_ + 1, 2) == "\\u") {
      at_ += 2;
      uint32_t low = 0;
      if (!Hex(&low)) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + ((low - 0xDC00) & 0x3FF);
    }
    AppendUtf8(code, out);
    return true;
  }

  // Reads the four digits after the 'u' at at_. Leaves at_ on the last digit.
  bool Hex(uint32_t* code) {
    for (int i = 0; i < 4; ++i) {
      if (++at_ >= text_.size()) return false;
      const char c = text_[at_];
      uint32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = c - '0';
      } else if (c >= 'a' && c <= 'f') {
        digit = c - 'a' + 10;
      } else if (c >= 'A' && c <= 'F') {
        digit = c - 'A' + 10;
      } else {
        return false;
      }
      *code = *code * 16 + digit;
    }
    return true;
  }

  static void AppendUtf8(uint32_t code, std::string* out) {
    const auto put = [&](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | code >> 6);
      put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | code >> 12);
      put(0x80 | (code >> 6 & 0x3F));
      put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
      put(0x80 | (code >> 6 & 0x3F));
      put(0x80 | (code & 0x3F));
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  int64_t values_ = 0;
};

std::optional<Json> Json::Parse(std::string_view text) { return JsonParser(text).Run(); }

const Json* Json::Find(const std::string& key) const {
  const auto found = members_.find(key);
  return found == members_.end() ? nullptr : &found->second;
}

std::string Json::TextOf(const std::string& key) const {
  const Json* member = Find(key);
  return member == nullptr ? std::string() : member->text().value_or("");
}

}  // namespace ke::graph
