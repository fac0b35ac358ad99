#include "ir/op_traits.h"

#include <algorithm>
#include <unordered_map>

namespace ke::graph {

namespace trait {
namespace {

struct Group {
  Traits traits;
  std::vector<std::string_view> ops;
};

const std::vector<Group>& Groups() {
  static const std::vector<Group> groups = {
#include "ir/op_traits.inc"
  };
  return groups;
}

}  // namespace
}  // namespace trait

Traits TraitsOf(std::string_view op) {
  static const auto table = [] {
    std::unordered_map<std::string_view, Traits> rows;
    for (const auto& [name, traits] : AllOpTraits()) rows.emplace(name, traits);
    return rows;
  }();
  const auto found = table.find(op);
  return found == table.end() ? 0 : found->second;
}

bool HasAnyTrait(std::string_view op, std::initializer_list<Traits> traits) {
  const Traits of_op = TraitsOf(op);
  return std::any_of(traits.begin(), traits.end(), [&](Traits each) { return (of_op & each) == each; });
}

std::vector<std::pair<std::string_view, Traits>> AllOpTraits() {
  std::vector<std::pair<std::string_view, Traits>> rows;
  for (const trait::Group& group : trait::Groups()) {
    for (const std::string_view op : group.ops) rows.emplace_back(op, group.traits);
  }
  return rows;
}

}  // namespace ke::graph
