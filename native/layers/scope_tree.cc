#include "layers/scope_tree.h"

#include <algorithm>

#include "ir/op_traits.h"
#include "wire/bounds.h"
#include "wire/text.h"

namespace ke::graph {

ScopeTree::ScopeTree(const FlatGraph& graph) : file_names_(graph.file_names) {
  scopes_.emplace_back();
  by_path_.emplace("", 0);
  for (const FlatNode& node : graph.nodes) {
    if (node.kind != FlatNode::Kind::kOp) continue;
    int at = 0;
    int depth = 0;
    for (size_t slash = node.name.find('/'); slash != std::string::npos && depth < bounds::kScopeDepth;
         slash = node.name.find('/', slash + 1), ++depth) {
      const std::string path = node.name.substr(0, slash);
      const auto [entry, added] = by_path_.emplace(path, static_cast<int>(scopes_.size()));
      if (added) {
        Scope scope;
        scope.path = path;
        scope.name = BaseName(path);
        scope.parent = at;
        scopes_[at].children.push_back(entry->second);
        scopes_.push_back(std::move(scope));
      }
      at = entry->second;
      if (node.op != "Const") scopes_[at].computes = true;
    }
    if (node.op != "Const") scopes_[at].has_ops = true;
  }
}

int ScopeTree::Find(std::string_view path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? -1 : found->second;
}

bool ScopeTree::InFile(const std::string& path) const {
  if (IsOp(path)) return true;
  const auto next = file_names_.lower_bound(path + "/");
  return next != file_names_.end() && next->starts_with(path + "/");
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    parts.emplace_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return parts;
}

std::string_view WithoutNumber(std::string_view name) {
  const size_t last = name.find_last_not_of("0123456789");
  if (last == std::string_view::npos || last == 0 || last + 1 == name.size() || name[last] != '_') return {};
  return name.substr(0, last);
}

bool IsInlinedCall(std::string_view name) {
  const std::string_view plain = WithoutNumber(name);
  return HasTrait(plain.empty() ? name : plain, trait::kPlainCall);
}

}  // namespace ke::graph
