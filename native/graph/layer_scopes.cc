#include "graph/layer_scopes.h"

#include <algorithm>
#include <map>
#include <optional>

#include "graph/keras_metadata.h"
#include "graph/scope_tree.h"

namespace ke::graph {
namespace {

// Scopes by Keras 2's metadata: its tree of layers laid over the tree of scopes.
class MetadataScopes {
 public:
  explicit MetadataScopes(const ScopeTree& tree) : tree_(tree) {}

  std::vector<LayerScope> Run(const KerasLayer& model) {
    int root = tree_.Find(model.name);
    for (const int child : tree_[0].children) {
      if (root < 0 && WithoutNumber(tree_[child].name) == model.name) root = child;
    }
    Match(model, root < 0 ? 0 : root, {}, 1);
    return std::move(scopes_);
  }

 private:
  // KerasLayer nests to a bounded depth, so this may recurse.
  void Match(const KerasLayer& model, int scope, const std::vector<std::string>& path, int calls) {
    for (const KerasLayer& layer : model.layers) {
      for (const int child : tree_[scope].children) {
        if (!IsScopeOf(layer, model, tree_[child])) continue;
        LayerScope found;
        found.scope = tree_[child].path;
        found.path = path;
        found.path.push_back(layer.name);
        found.type = layer.type;
        found.calls = calls * layer.calls;
        scopes_.push_back(found);
        Match(layer, child, found.path, found.calls);
      }
    }
  }

  static bool IsScopeOf(const KerasLayer& layer, const KerasLayer& model, const ScopeTree::Scope& scope) {
    if (scope.name == layer.name) return true;
    if (WithoutNumber(scope.name) != layer.name) return false;
    return std::none_of(model.layers.begin(), model.layers.end(),
                        [&](const KerasLayer& other) { return other.name == scope.name; });
  }

  const ScopeTree& tree_;
  std::vector<LayerScope> scopes_;
};

// Scopes without metadata.
class InferredScopes {
 public:
  InferredScopes(const FlatGraph& graph, const ScopeTree& tree) : tree_(tree) {
    for (const FlatWeight& weight : graph.weights) {
      for (const std::string& reader : weight.readers) Learn(weight.name, reader);
    }
    // Without a single telling variable, Keras 3's habit itself must show.
    numbered_ = with_number_ > without_number_ || (with_number_ + without_number_ == 0 && TopIsNumbered());
  }

  // Whether this is a Keras 3 export.
  bool IsKeras() const { return numbered_; }
  const std::string& root() const { return root_; }

  std::vector<LayerScope> Run() {
    std::vector<int> top;
    for (const int child : tree_[0].children) {
      if (!LayerName(child, true).empty()) top.push_back(child);
    }
    if (top.size() == 1 && HoldsLayers(top[0])) {
      root_ = LayerName(top[0], true);
      Collect(top[0], {});
    } else {
      Collect(0, {});
    }
    return std::move(scopes_);
  }

 private:
  // What a variable's name says of the scopes around the op that reads it.
  void Learn(const std::string& variable, const std::string& reader) {
    std::vector<std::string> layers = SplitPath(ParentPath(variable));
    const std::vector<std::string> scopes = SplitPath(ParentPath(reader));
    const auto is_scope_of = [](const std::string& scope, const std::string& layer) {
      return scope == layer || WithoutNumber(scope) == layer;
    };
    // The variable may have been made inside models that are not called here: outer names may be missing.
    for (; !layers.empty(); layers.erase(layers.begin())) {
      for (size_t end = scopes.size(); end >= layers.size(); --end) {
        const size_t begin = end - layers.size();
        if (!std::equal(layers.begin(), layers.end(), scopes.begin() + static_cast<std::ptrdiff_t>(begin),
                        [&](const auto& layer, const auto& scope) { return is_scope_of(scope, layer); })) {
          continue;
        }
        std::string path;
        for (size_t i = 0; i < end; ++i) {
          path += (i > 0 ? "/" : "") + scopes[i];
          if (i < begin) continue;
          names_[path] = layers[i - begin];
          ++(scopes[i] == layers[i - begin] ? without_number_ : with_number_);
        }
        return;
      }
    }
    LearnHolder(reader);
  }

  // A scope that reads a variable of any name is at least somebody's module.
  void LearnHolder(const std::string& reader) {
    std::string_view scope = ParentPath(reader);
    while (!scope.empty() && tree_.IsOp(std::string(scope))) scope = ParentPath(scope);
    if (!scope.empty()) holders_.insert(std::string(scope));
  }

  bool TopIsNumbered() const {
    return std::any_of(tree_[0].children.begin(), tree_[0].children.end(),
                       [&](int child) { return !NumberedName(child).empty(); });
  }

  // The layer of a scope that Keras 3 numbered: its plain name was opened too, and left without an op.
  std::string NumberedName(int index) const {
    const ScopeTree::Scope& scope = tree_[index];
    const std::string name(WithoutNumber(scope.name));
    // tf.cast opens its scope also where it has nothing to do.
    if (name.empty() || name == "Cast" || !scope.computes || tree_.IsOp(scope.path)) return {};
    const std::string parent = tree_[scope.parent].path;
    const std::string plain = parent.empty() ? name : parent + "/" + name;
    if (!tree_.InFile(plain)) return name;
    // ... unless it is itself a layer: "conv2d_2_2" beside "conv2d_2", the second scope of "conv2d".
    return names_.count(plain) > 0 ? name : std::string();
  }

  std::string LayerName(int index, bool parent_holds_layers) const {
    const ScopeTree::Scope& scope = tree_[index];
    const auto named = names_.find(scope.path);
    if (named != names_.end()) return named->second;
    if (numbered_) return NumberedName(index);
    if (holders_.count(scope.path) > 0) return scope.name;
    const bool plain = without_number_ > 0 && parent_holds_layers && scope.computes && !tree_.IsOp(scope.path);
    return plain ? scope.name : std::string();
  }

  // Whether a variable's name or a numbered scope proves a layer directly below.
  bool HoldsLayers(int index) const {
    return std::any_of(tree_[index].children.begin(), tree_[index].children.end(), [&](int child) {
      return !LayerName(child, false).empty() || (!numbered_ && HoldsNames(tree_[child].path));
    });
  }

  bool HoldsNames(const std::string& path) const {
    const auto next = names_.lower_bound(path + "/");
    return next != names_.end() && next->first.compare(0, path.size() + 1, path + "/") == 0;
  }

  // ScopeTree is of bounded depth, so this may recurse.
  void Collect(int index, const std::vector<std::string>& path) {
    const bool holds_layers = HoldsLayers(index);
    for (const int child : tree_[index].children) {
      const std::string name = LayerName(child, holds_layers);
      if (name.empty()) continue;
      LayerScope scope;
      scope.scope = tree_[child].path;
      scope.path = path;
      scope.path.push_back(name);
      scope.calls = numbered_ ? 1 : 0;
      scopes_.push_back(scope);
      Collect(child, scope.path);
    }
  }

  const ScopeTree& tree_;
  std::map<std::string, std::string> names_;  // scope -> layer, as a variable's name proves
  std::set<std::string> holders_;
  int with_number_ = 0;
  int without_number_ = 0;
  bool numbered_ = false;
  std::string root_;
  std::vector<LayerScope> scopes_;
};

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
  // A signature names its inputs after the InputLayers; only where it was made by hand does the order decide.
  std::vector<std::string> by_signature = InputNames(graph);
  return std::is_permutation(names.begin(), names.end(), by_signature.begin()) ? by_signature : names;
}

}  // namespace

LayerScopes FindLayerScopes(const FlatGraph& graph, const std::string& keras_metadata) {
  const ScopeTree tree(graph);
  LayerScopes found;
  if (const std::optional<KerasLayer> model = ReadKerasModel(keras_metadata)) {
    found.scopes = MetadataScopes(tree).Run(*model);
    found.input_layers = InputLayers(graph, *model);
    if (!found.scopes.empty()) return found;
  }
  InferredScopes inferred(graph, tree);
  found.scopes = inferred.Run();
  // Keras shows no InputLayer among a Sequential's layers.
  if (inferred.IsKeras() && inferred.root().substr(0, 10) != "sequential") found.input_layers = InputNames(graph);
  return found;
}

}  // namespace ke::graph
