#include "ir/instance_name.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace ke::graph {

namespace {

bool TakePrefix(std::string_view prefix, std::string* text) {
  if (!text->starts_with(prefix)) return false;
  text->erase(0, prefix.size());
  return true;
}

// Removes "model/" or "model_12/".
bool TakeModelPrefix(std::string* text) {
  const size_t slash = text->find('/');
  if (slash == std::string::npos) return false;
  std::string prefix = text->substr(0, slash);
  if (!TakePrefix(kModelPrefix, &prefix)) return false;
  const bool numbered = TakePrefix("_", &prefix);
  if (numbered == prefix.empty() ||
      !std::all_of(prefix.begin(), prefix.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) {
    return false;
  }
  text->erase(0, slash + 1);
  return true;
}

}  // namespace

InstanceName ParseName(std::string name) {
  InstanceName parsed;
  for (bool taken = true; taken;) {
    const bool gradient = TakePrefix(kGradientPrefix, &name);
    parsed.gradient |= gradient;
    taken = gradient || TakePrefix(kCopyPrefix, &name);
  }
  parsed.graph_name = name;
  parsed.weight = TakePrefix(kWeightsPrefix, &name);
  if (parsed.weight) {
    // The suffix of the op that reads a variable.
    constexpr std::string_view kRead = "/read";
    if (name.size() > kRead.size() && name.ends_with(kRead)) {
      name.resize(name.size() - kRead.size());
    }
  }
  parsed.of_model = parsed.weight || TakeModelPrefix(&name);
  parsed.op = name;
  return parsed;
}

}  // namespace ke::graph
