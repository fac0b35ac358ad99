#include "tensorflow/node_name.h"

#include <string_view>

namespace ke::tf {

std::string NodeNamedIn(const std::string& message) {
  static constexpr std::string_view kOpen = "{{node ";
  const size_t open = message.find(kOpen);
  if (open == std::string::npos) return {};
  const size_t begin = open + kOpen.size();
  const size_t end = message.find("}}", begin);
  return end == std::string::npos ? std::string() : message.substr(begin, end - begin);
}

}  // namespace ke::tf
