#include "import/v1_branch.h"

#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace ke::graph {
namespace {

constexpr const char* kWhat = "the branches of the model";

[[noreturn]] void Refuse(const CallTree& tree, const Source& merge, const std::string& reason) {
  const std::string name = tree.FlatName(merge.call, merge.node);
  throw tf::Error(
      TF_UNIMPLEMENTED,
      std::string(tree.Node(merge).op) + " '" + name + "' " + reason + ". " + std::string(kFreezeFunctions),
      name);
}

// The Switch that a tensor comes from: its predicate and its output.
struct Guard {
  Source predicate;
  int side;
};

// Returns the nearest Switch around `source`. Branches within the branch are passed over.
std::optional<Guard> FindGuard(CallTree* tree, const Source& source, Allowance* steps) {
  std::vector<std::pair<Source, int>> waiting{{source, 0}};  // with the number of inner branches around
  std::set<std::tuple<int, int, int>> seen;
  while (!waiting.empty()) {
    auto [at, inner] = waiting.back();
    waiting.pop_back();
    steps->Take(1, kWhat);
    if (at.IsArgument() || !seen.insert({at.call, at.node, inner}).second) continue;
    const proto::NodeDef& def = tree->Node(at);
    if (IsSwitch(def.op) && def.inputs.size() == 2) {
      if (inner == 0) return Guard{tree->Input(at, 1), at.output};
      --inner;
    } else if (IsMerge(def.op)) {
      if (++inner > bounds::kBodyDepth) return std::nullopt;
    }
    // Data inputs are visited before control inputs. A constant in a branch has only control inputs.
    for (const std::string_view control : def.controls) {
      const std::optional<Source> before = tree->FindNode(at.call, control);
      if (before) waiting.emplace_back(*before, inner);
    }
    for (size_t i = def.inputs.size(); i-- > 0;) {
      if (IsSwitch(def.op) && i == 1) continue;
      waiting.emplace_back(tree->Input(at, i), inner);
    }
  }
  return std::nullopt;
}

}  // namespace

bool IsSwitch(std::string_view op) { return op == "Switch" || op == "RefSwitch"; }
bool IsMerge(std::string_view op) { return op == "Merge" || op == "RefMerge"; }

BranchV1 FindBranchV1(CallTree* tree, const Source& merge, Allowance* steps) {
  const size_t inputs = tree->Node(merge).inputs.size();
  if (inputs != 2) Refuse(*tree, merge, "joins " + std::to_string(inputs) + " branches, not 2");
  BranchV1 branch;
  std::array<bool, 2> found{};
  for (size_t i = 0; i < inputs; ++i) {
    const Source input = tree->Input(merge, i);
    const std::optional<Guard> guard = FindGuard(tree, input, steps);
    if (!guard) Refuse(*tree, merge, "belongs to a loop of TensorFlow 1, or to a branch without a predicate");
    if (i > 0 && !(guard->predicate == branch.predicate)) {
      Refuse(*tree, merge, "joins branches of two predicates, or belongs to a loop of TensorFlow 1");
    }
    if (guard->side < 0 || guard->side > 1 || found[guard->side]) {
      Refuse(*tree, merge, "joins a branch with itself");
    }
    branch.predicate = guard->predicate;
    branch.inputs[guard->side] = i;
    found[guard->side] = true;
  }
  // Everything that the sides need from outside passes a Switch.
  std::vector<Source> waiting{tree->Input(merge, 0), tree->Input(merge, 1)};
  std::set<std::pair<int, int>> seen;
  while (!waiting.empty()) {
    const Source at = waiting.back();
    waiting.pop_back();
    steps->Take(1, kWhat);
    if (at.IsArgument() || !seen.insert({at.call, at.node}).second) continue;
    const proto::NodeDef& def = tree->Node(at);
    if (IsSwitch(def.op) && def.inputs.size() == 2 && tree->Input(at, 1) == branch.predicate) {
      const bool resource = proto::AttrType(tree->Attr(at.call, at.node, "T")) == TF_RESOURCE;
      if (!resource) branch.data.push_back(tree->Input(at, 0));
      continue;
    }
    for (size_t i = 0; i < def.inputs.size(); ++i) waiting.push_back(tree->Input(at, i));
  }
  return branch;
}

}  // namespace ke::graph
