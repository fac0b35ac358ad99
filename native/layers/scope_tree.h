#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/flat_graph.h"

namespace ke::graph {

// The name scopes of a graph's ops as a tree. Scope 0 is the top level.
class ScopeTree {
 public:
  explicit ScopeTree(const FlatGraph& graph);

  struct Scope {
    std::string name;  // last part of the path
    std::string path;
    int parent = -1;
    std::vector<int> children;  // in order of their first op
    bool computes = false;      // contains an op other than Const, directly or in a scope below
    bool has_ops = false;       // directly contains an op other than Const
  };
  const Scope& operator[](int index) const { return scopes_[index]; }
  int size() const { return static_cast<int>(scopes_.size()); }
  // Returns the scope of that path, or -1.
  int Find(std::string_view path) const;
  // Returns whether the file has an op or a scope of that path, even if the outputs do not need it.
  bool InFile(const std::string& path) const;
  // Returns whether the path is that of an op. Names below the path then belong to that op
  // ("Mean/reduction_indices").
  bool IsOp(const std::string& path) const { return file_names_.count(path) > 0; }

 private:
  const std::set<std::string>& file_names_;
  std::vector<Scope> scopes_;
  std::map<std::string, int, std::less<>> by_path_;
};

std::vector<std::string> SplitPath(std::string_view path);
// Returns "layer" for "layer_3". Returns "" if the name does not end in a number.
std::string_view WithoutNumber(std::string_view name);

// Returns whether a scope remains of a call that a tool inlined before freezing the graph.
bool IsInlinedCall(std::string_view name);

}  // namespace ke::graph
