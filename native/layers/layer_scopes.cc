#include "layers/layer_scopes.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "layers/scope_tree.h"
#include "wire/bounds.h"
#include "wire/text.h"

namespace ke::graph {
namespace {

// Finds scopes with Keras 2's metadata: matches the tree of layers against the tree of scopes.
class MetadataScopes {
 public:
  explicit MetadataScopes(const ScopeTree& tree) : tree_(tree) {
    for (int scope = 1; scope < tree.size(); ++scope) {
      const std::string& path = tree[scope].path;
      by_path_[path].push_back(scope);
      const std::string_view plain = WithoutNumber(tree[scope].name);
      if (!plain.empty())
        by_path_[path.substr(0, path.size() - tree[scope].name.size()).append(plain)].push_back(scope);
    }
  }

  std::vector<LayerScope> Run(const KerasLayer& model) {
    std::vector<int> roots = ScopesOf(model.name, {}, 0);
    if (roots.empty()) roots.push_back(0);
    for (const int root : roots) Match(model, root, -1, {}, 1);
    return std::move(scopes_);
  }

 private:
  // Recurses: the depth of KerasLayer is bounded (bounds::kLayerDepth).
  void Match(const KerasLayer& model, int scope, int parent, const std::vector<std::string>& path,
             int calls) {
    std::set<std::string_view> names;
    for (const KerasLayer& layer : model.layers) names.insert(layer.name);
    for (const KerasLayer& layer : model.layers) {
      for (const int at : ScopesOf(layer.name, names, scope)) {
        LayerScope found;
        found.scope = tree_[at].path;
        found.path = path;
        found.path.push_back(layer.name);
        found.type = layer.type;
        // A broken file may give any number of calls. The product is clamped to INT32_MAX, more than any
        // scope has ops.
        found.calls = static_cast<int>(std::min<int64_t>(int64_t{calls} * layer.calls, INT32_MAX));
        found.parent = parent;
        scopes_.push_back(found);
        Match(layer, at, static_cast<int>(scopes_.size()) - 1, found.path, found.calls);
      }
    }
  }

  // Returns the scopes below `scope` that are calls of the layer `name`. The name may contain slashes
  // ("conv1/bn"). The scope of a later call ends in a number, unless another layer has that name.
  std::vector<int> ScopesOf(const std::string& name, const std::set<std::string_view>& names, int scope) {
    const std::string& prefix = tree_[scope].path;
    const std::string path = prefix.empty() ? name : prefix + "/" + name;
    std::vector<int> scopes;
    lookups_left_.Take(1, kWhat);
    const auto candidates = by_path_.find(path);
    if (candidates == by_path_.end()) return scopes;
    lookups_left_.Take(static_cast<int64_t>(candidates->second.size()), kWhat);
    for (const int index : candidates->second) {
      const ScopeTree::Scope& candidate = tree_[index];
      const bool numbered =
          candidate.path != path && !tree_.IsOp(candidate.path) &&
          names.count(std::string_view(candidate.path).substr(path.size() - name.size())) == 0;
      if (candidate.path == path || numbered) scopes.push_back(index);
    }
    return scopes;
  }

  static constexpr const char* kWhat = "what the model's Keras metadata says of its scopes";

  const ScopeTree& tree_;
  // The scopes of a path, with or without the number of a later call, in the order of their first op.
  std::unordered_map<std::string, std::vector<int>> by_path_;
  Allowance lookups_left_{bounds::kLayerCalls, "calls of layers"};
  std::vector<LayerScope> scopes_;
};

// Finds scopes without metadata.
class InferredScopes {
 public:
  InferredScopes(const FlatGraph& graph, const ScopeTree& tree) : tree_(tree), top_(FindTop(tree)) {
    for (const FlatWeight& weight : graph.weights) {
      for (const std::string& reader : weight.readers) {
        if (weight.is_variable) Learn(weight.name, reader);
      }
    }
    // If no variable reveals the naming, the scopes must show the numbering of Keras 3.
    Forget();
    numbered_ = with_number_ > without_number_ || (with_number_ + without_number_ == 0 && LooksNumbered());
    Forget();
    // The layers of a Keras 2 model may have numbers without a plain sibling, if the model is not the first
    // of its process: "conv2d_7", "conv2d_8".
    if (numbered_ && with_number_ == 0 && NumbersTellLayersApart(graph)) {
      numbered_ = false;
      Forget();
    }
    if (numbered_) return;
    for (const FlatWeight& weight : graph.weights) {
      for (const std::string& reader : weight.readers) {
        if (!weight.is_variable) Learn(weight.name, reader);
      }
    }
  }

  // Returns whether this is a Keras 3 export.
  bool IsKeras() const { return numbered_; }
  // The name of the model and its scopes (one per call). Empty if the layers are at the top level.
  const std::string& root() const { return root_; }
  const std::vector<int>& root_scopes() const { return root_scopes_; }

  // Returns the layers inside a scope of a layer at `path`, whose parents are indices into the result, or -1.
  std::vector<LayerScope> Inside(const std::string& scope, const std::vector<std::string>& path) {
    scopes_.clear();
    const int index = tree_.Find(scope);
    if (index >= 0) Collect(index, -1, path);
    return std::move(scopes_);
  }

  std::vector<LayerScope> Run() {
    for (const int child : tree_[top_].children) {
      const std::string name = LayerName(child, true);
      if (name.empty()) continue;
      const bool is_root = HoldsLayers(child) && (root_scopes_.empty() || name == root_);
      if (!is_root) {
        root_scopes_.clear();
        break;
      }
      root_ = name;
      root_scopes_.push_back(child);
    }
    if (root_scopes_.empty()) {
      root_.clear();
      Collect(top_, -1, {});
    }
    for (const int scope : root_scopes_) Collect(scope, -1, {});
    return std::move(scopes_);
  }

 private:
  enum class Judged : char { kUnknown, kOther, kNumbered, kHolds };

  // Drops the cached properties of scopes, because new information changes them.
  void Forget() {
    judged_.assign(static_cast<size_t>(tree_.size()), Judged::kUnknown);
    holds_ = judged_;
  }

  // Returns the scope of the model: the top level, or a scope below the calls that a freezing tool has
  // inlined.
  static int FindTop(const ScopeTree& tree) {
    int top = 0;
    for (;;) {
      int only = -1;
      int computing = 0;
      for (const int child : tree[top].children) {
        if (!tree[child].computes || tree[child].name == "Func") continue;
        ++computing;
        only = child;
      }
      if (computing != 1) return top;
      if (!IsInlinedCall(tree[only].name)) return top;
      top = only;
    }
  }

  // Learns which scopes around `reader` are layers. `reader` is an op that reads `variable`, whose name
  // contains the names of layers.
  void Learn(const std::string& variable, const std::string& reader) {
    std::vector<std::string> layers = SplitPath(ParentPath(variable));
    std::vector<std::string> scopes = SplitPath(ParentPath(reader));
    // Like ScopeTree, counts deeper scopes as their ancestor.
    if (scopes.size() > bounds::kScopeDepth) scopes.resize(bounds::kScopeDepth);
    // Names beyond the number of scopes never match.
    if (layers.size() > scopes.size()) {
      layers.erase(layers.begin(), layers.end() - static_cast<std::ptrdiff_t>(scopes.size()));
    }
    const auto is_layer_of = [](const std::string& layer, const std::string& scope) {
      return scope == layer || WithoutNumber(scope) == layer;
    };
    // The variable may have been created inside models that are not called here, so outer names may be
    // missing.
    for (; !layers.empty(); layers.erase(layers.begin())) {
      // The innermost match counts, because a nested model may have the same name as one of its layers. But a
      // scope with a Keras 3 number is preferred: it is a layer. A plain scope may belong to an op:
      // tf.nn.separable_conv2d opens a scope with the default name of its layer.
      size_t best = 0;
      for (size_t end = scopes.size(); end >= layers.size(); --end) {
        const auto begin = scopes.begin() + static_cast<std::ptrdiff_t>(end - layers.size());
        if (!std::equal(layers.begin(), layers.end(), begin, is_layer_of)) continue;
        if (best == 0) best = end;
        if (scopes[end - 1] == layers.back()) continue;
        best = end;
        break;
      }
      if (best == 0) continue;
      std::string path;
      for (size_t i = 0; i < best; ++i) {
        path += (i > 0 ? "/" : "") + scopes[i];
        if (i + layers.size() < best) continue;
        const std::string& layer = layers[i + layers.size() - best];
        names_[path] = layer;
        ++(scopes[i] == layer ? without_number_ : with_number_);
      }
      return;
    }
    LearnHolder(reader);
  }

  // Notes the scope of `reader` as a module, because the scope reads a variable.
  void LearnHolder(const std::string& reader) {
    std::string_view scope = ParentPath(reader);
    while (!scope.empty() && tree_.IsOp(std::string(scope))) scope = ParentPath(scope);
    if (!scope.empty()) holders_.insert(std::string(scope));
  }

  // Returns whether most scopes of the two upper levels have Keras 3 numbers.
  bool LooksNumbered() const {
    int numbered = 0;
    int other = 0;
    const auto count = [&](int scope) {
      if (!tree_[scope].computes || tree_.IsOp(tree_[scope].path)) return;
      ++(NumberedName(scope).empty() ? other : numbered);
    };
    for (const int top : tree_[top_].children) {
      count(top);
      for (const int child : tree_[top].children) count(child);
    }
    return numbered > other;
  }

  // Returns whether two scopes differ only in the number, but read different weights. They are then two
  // layers, not two calls of one layer.
  bool NumbersTellLayersApart(const FlatGraph& graph) const {
    std::map<int, std::set<int>> read;  // the weights of each scope, including those of scopes below
    for (const FlatWeight& weight : graph.weights) {
      for (const std::string& reader : weight.readers) {
        std::string_view path = ParentPath(reader);
        while (!path.empty() && tree_.Find(path) < 0) path = ParentPath(path);
        for (int scope = tree_.Find(path); scope > 0; scope = tree_[scope].parent)
          read[scope].insert(weight.node);
      }
    }
    std::map<std::pair<int, std::string>, const std::set<int>*> first;  // by parent and name without number
    for (const auto& [scope, weights] : read) {
      const std::string name = NumberedName(scope);
      if (name.empty()) continue;
      const auto [entry, added] = first.emplace(std::make_pair(tree_[scope].parent, name), &weights);
      const std::set<int>& other = *entry->second;
      if (!added &&
          std::none_of(weights.begin(), weights.end(), [&](int node) { return other.count(node) > 0; })) {
        return true;
      }
    }
    return false;
  }

  // Returns the layer of a scope that Keras 3 numbered, or "". Keras 3 also opens the plain name and leaves
  // that scope without an op.
  std::string NumberedName(int index) const {
    return IsNumbered(index) ? std::string(WithoutNumber(tree_[index].name)) : std::string();
  }

  // Returns whether Keras 3 numbered the scope. The plain scope may itself be a layer: "conv2d_2_2" beside
  // "conv2d_2", the second scope of "conv2d". Plain scopes may have numbers too, to any depth, so each scope
  // is classified once, without recursion.
  bool IsNumbered(int index) const {
    std::vector<int> waiting;  // scopes that wait for the result of their plain scope
    while (judged_[index] == Judged::kUnknown) {
      waiting.push_back(index);
      const ScopeTree::Scope& scope = tree_[index];
      const std::string name(WithoutNumber(scope.name));
      // tf.cast opens its scope even if there is nothing to cast.
      if (name.empty() || name == "Cast" || !scope.computes || tree_.IsOp(scope.path)) {
        judged_[index] = Judged::kOther;
        break;
      }
      const std::string parent = tree_[scope.parent].path;
      const std::string plain = parent.empty() ? name : parent + "/" + name;
      const int plain_scope = tree_.Find(plain);
      if (!tree_.InFile(plain)) {
        judged_[index] = Judged::kNumbered;
      } else if (plain_scope < 0) {
        judged_[index] = Judged::kOther;
      } else if (!numbered_ || names_.count(plain) > 0) {
        judged_[index] = LayerName(plain_scope, false).empty() ? Judged::kOther : Judged::kNumbered;
      } else {
        index = plain_scope;
      }
    }
    const Judged judged = judged_[index];
    for (const int each : waiting) judged_[each] = judged;
    return judged == Judged::kNumbered;
  }

  // Recurses only down the tree, whose depth is bounded (bounds::kScopeDepth).
  std::string LayerName(int index, bool parent_holds_layers) const {
    const ScopeTree::Scope& scope = tree_[index];
    const auto named = names_.find(scope.path);
    if (named != names_.end()) return named->second;
    if (numbered_) return NumberedName(index);
    if (holders_.count(scope.path) > 0) return scope.name;
    if (!scope.computes || tree_.IsOp(scope.path)) return {};
    const bool plain = parent_holds_layers && (without_number_ > 0 || names_.empty());
    // For weights without names, only their readers are known.
    return plain || (names_.empty() && HoldsLayers(index)) ? scope.name : std::string();
  }

  // Returns whether a variable's name or a numbered scope proves that a layer is directly below.
  bool HoldsLayers(int index) const {
    Judged& judged = holds_[index];
    if (judged == Judged::kUnknown) {
      const std::vector<int>& children = tree_[index].children;
      const bool holds = std::any_of(children.begin(), children.end(), [&](int child) {
        return !LayerName(child, false).empty() || (!numbered_ && HoldsNames(tree_[child].path));
      });
      judged = holds ? Judged::kHolds : Judged::kOther;
    }
    return judged == Judged::kHolds;
  }

  bool HoldsNames(const std::string& path) const {
    const auto next = names_.lower_bound(path + "/");
    return next != names_.end() && next->first.starts_with(path + "/");
  }

  // Recurses: the depth of ScopeTree is bounded.
  void Collect(int index, int parent, const std::vector<std::string>& path) {
    const bool holds_layers = HoldsLayers(index);
    for (const int child : tree_[index].children) {
      const std::string name = LayerName(child, holds_layers);
      if (name.empty()) continue;
      LayerScope scope;
      scope.scope = tree_[child].path;
      scope.path = path;
      scope.path.push_back(name);
      scope.calls = numbered_ ? 1 : 0;
      scope.parent = parent;
      scopes_.push_back(scope);
      Collect(child, static_cast<int>(scopes_.size()) - 1, scope.path);
    }
  }

  const ScopeTree& tree_;
  const int top_;
  std::map<std::string, std::string> names_;  // scope -> layer, from the names of variables
  std::set<std::string> holders_;
  mutable std::vector<Judged> judged_;  // by scope: whether Keras 3 numbered the scope
  mutable std::vector<Judged> holds_;   // by scope: whether the scope holds layers
  int with_number_ = 0;
  int without_number_ = 0;
  bool numbered_ = false;
  std::string root_;
  std::vector<int> root_scopes_;
  std::vector<LayerScope> scopes_;
};

// Returns whether an op in one of the scopes, which are siblings, reads each input of the graph. The inputs
// then belong to the model, not to a function that prepares the inputs of the model.
bool EntersScopes(const FlatGraph& graph, const ScopeTree& tree, const std::vector<int>& scopes) {
  std::set<std::string_view> paths;
  for (const int scope : scopes) paths.insert(tree[scope].path);
  const size_t around = scopes.empty() ? 0 : tree[tree[scopes[0]].parent].path.size();
  std::set<TensorId> entering;
  for (const FlatNode& node : graph.nodes) {
    const size_t slash = node.name.find('/', around == 0 ? 0 : around + 1);
    if (slash == std::string::npos || paths.count(std::string_view(node.name).substr(0, slash)) == 0)
      continue;
    entering.insert(node.inputs.begin(), node.inputs.end());
  }
  return std::all_of(graph.inputs.begin(), graph.inputs.end(),
                     [&](const TensorId& input) { return entering.count(input) > 0; });
}

std::vector<std::string> InputNames(const FlatGraph& graph) {
  std::vector<std::string> names;
  for (const TensorSpec& input : graph.input_specs) names.push_back(input.name);
  return names;
}

std::vector<std::string> InputLayers(const FlatGraph& graph, const KerasLayer& model) {
  std::vector<std::string> names;
  for (const KerasLayer& layer : model.layers) {
    if (layer.type == "InputLayer") names.push_back(layer.name);
  }
  if (names.size() != graph.inputs.size()) return {};
  // A signature names its inputs after the InputLayers. If the signature was written by hand, the order of
  // the layers determines the names.
  std::vector<std::string> by_signature = InputNames(graph);
  std::vector<std::string> sorted = names;
  std::vector<std::string> sorted_signature = by_signature;
  std::sort(sorted.begin(), sorted.end());
  std::sort(sorted_signature.begin(), sorted_signature.end());
  return sorted == sorted_signature ? by_signature : names;
}

// Adds the layers inside layers for which the metadata lists none, for example inside a hub.KerasLayer.
std::vector<LayerScope> WithLayersInside(const FlatGraph& graph, const ScopeTree& tree,
                                         const std::vector<LayerScope>& known) {
  std::vector<bool> holds(known.size(), false);
  for (const LayerScope& scope : known) {
    if (scope.parent >= 0) holds[static_cast<size_t>(scope.parent)] = true;
  }
  InferredScopes inferred(graph, tree);
  std::vector<LayerScope> all;
  std::vector<int> place(known.size());  // in `all`
  for (size_t i = 0; i < known.size(); ++i) {
    place[i] = static_cast<int>(all.size());
    all.push_back(known[i]);
    if (known[i].parent >= 0) all.back().parent = place[static_cast<size_t>(known[i].parent)];
    if (holds[i]) continue;
    const int first = static_cast<int>(all.size());
    std::vector<LayerScope> inside = inferred.Inside(known[i].scope, known[i].path);
    // A single scope is a part of the layer, for example the "batchnorm" of a BatchNormalization.
    if (inside.size() < 2) continue;
    for (LayerScope& inner : inside) {
      inner.parent = inner.parent < 0 ? place[i] : first + inner.parent;
      all.push_back(std::move(inner));
    }
  }
  return all;
}

}  // namespace

LayerScopes FindLayerScopes(const FlatGraph& graph, const std::optional<KerasModel>& keras) {
  const ScopeTree tree(graph);
  LayerScopes found;
  if (keras) {
    found.scopes = WithLayersInside(graph, tree, MetadataScopes(tree).Run(keras->model));
    found.input_layers = InputLayers(graph, keras->model);
    if (!found.scopes.empty()) return found;
  }
  InferredScopes inferred(graph, tree);
  found.scopes = inferred.Run();
  // Keras does not list an InputLayer among the layers of a Sequential model.
  if (inferred.IsKeras() && inferred.root().substr(0, 10) != "sequential" &&
      EntersScopes(graph, tree, inferred.root_scopes())) {
    found.input_layers = InputNames(graph);
  }
  return found;
}

}  // namespace ke::graph
