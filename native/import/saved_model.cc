#include "import/saved_model.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "import/checkpoint.h"
#include "import/custom_gradients.h"
#include "import/function_inliner.h"
#include "import/lift_constants.h"
#include "import/lookup_tables.h"
#include "ir/call_tree.h"
#include "ir/unique_names.h"
#include "layers/keras_metadata.h"
#include "wire/assets.h"
#include "wire/bounds.h"
#include "wire/read_file.h"
#include "wire/text.h"

namespace ke::graph {
namespace {

std::string Listed(const std::vector<std::string>& items) {
  return items.empty() ? "none" : QuotedList(items);
}

// Returns the MetaGraph whose tags are exactly the requested tags.
proto::Bytes SelectMetaGraph(proto::Bytes bytes, const LoadOptions& options, const std::string& file) {
  const std::vector<std::string> requested = options.TagsOrDefault();
  const std::set<std::string, std::less<>> wanted(requested.begin(), requested.end());
  std::vector<std::string> available;
  for (const proto::Bytes meta_graph : proto::ReadSavedModel(bytes, file)) {
    const auto tags = proto::ReadTags(meta_graph, file);
    if (std::set<std::string, std::less<>>(tags.begin(), tags.end()) == wanted) return meta_graph;
    available.push_back(Join(tags, ","));
  }
  if (available.empty()) throw tf::Error(TF_DATA_LOSS, file + " holds no graph: it is truncated or empty");
  throw tf::Error(TF_NOT_FOUND, "the SavedModel has no graph with tags " + Listed(requested) +
                                    "; it has graphs with tags: " + Listed(available));
}

const proto::SignatureDef& SelectSignature(const proto::MetaGraphDef& meta, const std::string& key) {
  const auto found = meta.signatures.find(key);
  if (found != meta.signatures.end() && !found->second.outputs.empty()) return found->second;
  std::vector<std::string> available;
  for (const auto& [name, signature] : meta.signatures) {
    if (!name.starts_with("__") && !signature.outputs.empty()) available.emplace_back(name);
  }
  std::string message = "the SavedModel has no signature '" + key + "'; it has: " + Listed(available);
  if (available.empty()) {
    message +=
        ". Save the model with signatures (Keras: model.export, else tf.saved_model.save(..., "
        "signatures=...))";
  }
  throw tf::Error(TF_NOT_FOUND, message);
}

using SignatureSide = std::map<std::string_view, proto::TensorInfo>;

// Returns the keys of one side of the signature that the model has: `names`, or all if `names` is empty.
// Strings cannot be returned to the caller. All outputs are therefore without the strings beside numbers.
std::vector<std::string> Keys(const SignatureSide& side, const std::vector<std::string>& names,
                              bool is_output) {
  std::vector<std::string> keys;
  if (names.empty()) {
    const bool has_numbers = std::any_of(side.begin(), side.end(),
                                         [](const auto& each) { return each.second.dtype != TF_STRING; });
    for (const auto& [key, info] : side) {
      if (!is_output || !has_numbers || info.dtype != TF_STRING) keys.emplace_back(key);
    }
    return keys;
  }
  for (const std::string& name : names) {
    const char* const kind = is_output ? "output" : "input";
    if (side.find(name) == side.end()) {
      std::vector<std::string> available;
      for (const auto& [key, info] : side) available.emplace_back(key);
      throw tf::Error(TF_NOT_FOUND, std::string("the signature has no ") + kind + " '" + name +
                                        "', which the option `" + kind +
                                        "s` names; it has: " + Listed(available));
    }
    if (std::find(keys.begin(), keys.end(), name) != keys.end()) {
      throw tf::Error(TF_INVALID_ARGUMENT,
                      std::string("the option `") + kind + "s` names the " + kind + " '" + name + "' twice");
    }
    keys.push_back(name);
  }
  return keys;
}

// Returns the tensors of the graph behind `keys`.
std::vector<TensorSpec> Specs(const SignatureSide& side, const std::vector<std::string>& keys) {
  std::vector<TensorSpec> specs;
  for (const std::string& key : keys) {
    const proto::TensorInfo& info = side.at(key);
    if (info.name.empty()) {
      throw tf::Error(TF_UNIMPLEMENTED, "'" + key +
                                            "' of the signature is a sparse or composite tensor: only dense "
                                            "ones are supported. Name other outputs in `outputs`");
    }
    CheckShape(info.shape, "'" + key + "' of the signature");
    specs.push_back({std::string(info.name), info.dtype, info.shape});
  }
  return specs;
}

// Signature keys are sorted by name in the file. The model's own order is that of the arguments and results
// of the function behind the signature. Reorders keys and specs by the deepest function that computes all
// outputs and whose arguments include all inputs. If there is no such function, the order by name stays.
class SignatureOrder {
 public:
  SignatureOrder(CallTree* tree, const std::vector<TensorSpec>& inputs,
                 const std::vector<TensorSpec>& outputs)
      : tree_(*tree), inputs_(inputs), outputs_(outputs) {
    for (const TensorSpec& output : outputs) {
      passages_.emplace_back();
      tree_.Resolve(0, output.name, &passages_.back());
    }
    for (size_t i = 0; i < inputs.size(); ++i)
      inputs_at_[PlaceOf(tree_.Resolve(0, inputs[i].name))].push_back(i);
    for (int depth = CommonDepth() - 1; depth >= 0; --depth) {
      if (Orders(depth)) return;
    }
    for (size_t i = 0; i < inputs.size(); ++i) input_order.push_back(i);
    for (size_t i = 0; i < outputs.size(); ++i) output_order.push_back(i);
  }

  std::vector<size_t> input_order;
  std::vector<size_t> output_order;

 private:
  using Place = std::tuple<int, int, int>;
  static Place PlaceOf(const Source& source) { return {source.call, source.node, source.output}; }

  int CommonDepth() const {
    size_t depth = 0;
    while (std::all_of(passages_.begin(), passages_.end(), [&](const auto& passage) {
      return depth < passage.size() && passage[depth].call == passages_[0][depth].call;
    })) {
      ++depth;
    }
    return static_cast<int>(depth);
  }

  bool Orders(int depth) {
    const CallTree::Call& call = tree_.call(passages_[0][depth].call);
    const proto::NodeDef& caller = tree_.Nodes(call.parent)[call.parent_node];
    std::vector<size_t> order;
    std::set<Place> seen;
    for (const std::string_view argument : caller.inputs) {
      const Place place = PlaceOf(tree_.Resolve(call.parent, argument));
      const auto found = inputs_at_.find(place);
      if (found == inputs_at_.end() || !seen.insert(place).second) continue;
      order.insert(order.end(), found->second.begin(), found->second.end());
    }
    if (order.size() != inputs_.size()) return false;
    input_order = std::move(order);
    for (size_t i = 0; i < outputs_.size(); ++i) output_order.push_back(i);
    std::stable_sort(output_order.begin(), output_order.end(), [&](size_t a, size_t b) {
      return passages_[a][depth].result < passages_[b][depth].result;
    });
    return true;
  }

  CallTree& tree_;
  const std::vector<TensorSpec>& inputs_;
  const std::vector<TensorSpec>& outputs_;
  std::map<Place, std::vector<size_t>> inputs_at_;        // the inputs that are the same tensor
  std::vector<std::vector<CallTree::Passage>> passages_;  // one per output
};

template <typename T>
std::vector<T> Reorder(const std::vector<T>& items, const std::vector<size_t>& order) {
  std::vector<T> result;
  for (const size_t i : order) result.push_back(items[i]);
  return result;
}

// Reorders one side of the graph by `names`, if `names` are the signature's keys.
void OrderByName(const std::vector<std::string>& names, std::vector<TensorId>* tensors,
                 std::vector<TensorSpec>* specs) {
  std::map<std::string_view, size_t> by_name;
  for (size_t i = 0; i < specs->size(); ++i) by_name.emplace((*specs)[i].name, i);
  std::vector<size_t> order;
  for (const std::string& name : names) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) return;
    order.push_back(found->second);
  }
  if (std::set<size_t>(order.begin(), order.end()).size() != specs->size() || order.size() != specs->size())
    return;
  *tensors = Reorder(*tensors, order);
  *specs = Reorder(*specs, order);
}

// Returns the object graph's node of each variable that a top-level call passes to its function as a capture.
std::map<std::pair<int, int>, int> CapturedObjects(CallTree* tree, const proto::ObjectGraph& objects) {
  std::map<std::pair<int, int>, int> captured;
  for (size_t i = 0; i < tree->Nodes(0).size(); ++i) {
    const int node = static_cast<int>(i);
    if (!tree->IsCall(0, node)) continue;
    const proto::NodeDef& def = tree->Nodes(0)[i];
    const auto function = proto::AttrFunction(def.Attr("f"));
    if (!function) continue;
    const auto saved = objects.functions.find(function->name);
    if (saved == objects.functions.end()) continue;
    const std::vector<int32_t>& bound = saved->second.bound_inputs;
    if (bound.size() > def.inputs.size()) continue;
    const size_t first = def.inputs.size() - bound.size();
    for (size_t k = 0; k < bound.size(); ++k) {
      const Source source = tree->Resolve(0, def.inputs[first + k]);
      captured[{source.call, source.node}] = bound[k];
    }
  }
  return captured;
}

// Returns the VarHandleOp of each object that is a variable.
std::map<int, Source> CapturedVariables(CallTree* tree, const proto::ObjectGraph& objects) {
  std::map<int, Source> variables;
  for (const auto& [place, object] : CapturedObjects(tree, objects)) {
    const Source source{place.first, place.second, 0};
    if (tree->Node(source).op == "VarHandleOp") variables.emplace(object, source);
  }
  return variables;
}

// Names the weights as Keras does and reads their values.
void FreezeVariables(CallTree* tree, const proto::MetaGraphDef& meta, const std::string& directory,
                     Checkpoint* checkpoint, Flattened* flat) {
  if (flat->variables.empty()) return;
  const auto keys = FindRestoredKeys(tree, meta.restore_op_name).variables;
  const auto objects = CapturedObjects(tree, meta.objects);
  std::optional<std::vector<std::string>> object_keys;
  UniqueNames names;
  for (const VariableUse& variable : flat->variables) {
    FlatWeight& weight = flat->graph.weights[variable.weight];
    const std::pair<int, int> place{variable.handle.call, variable.handle.node};
    const auto object = objects.find(place);
    const int id = object == objects.end() ? -1 : object->second;
    const bool has_object = id >= 0 && static_cast<size_t>(id) < meta.objects.objects.size();
    std::string name = weight.name;
    if (has_object && !meta.objects.objects[id].variable_name.empty()) {
      name = meta.objects.objects[id].variable_name;
    }
    weight.name = names.Make(name);
    const auto restored = keys.find(place);
    std::string key = restored == keys.end() ? std::string() : restored->second;
    if (key.empty() && has_object) {
      if (!object_keys) object_keys = checkpoint->ObjectKeys();
      if (static_cast<size_t>(id) < object_keys->size()) key = (*object_keys)[id];
    }
    if (key.empty()) {
      throw tf::Error(
          TF_NOT_FOUND,
          "variable '" + weight.name + "' is not among those that the model restores from " + directory,
          weight.name);
    }
    weight.value = checkpoint->Read(key, weight);
    weight.shape = Shape::Of(tf::Dims(weight.value.get()));
    for (auto& [attr, value] : flat->graph.nodes[weight.node].attrs) {
      if (attr == "shape") value = ShapeAttr(weight.shape);
    }
  }
}

std::map<std::string, std::string> AssetPaths(proto::Bytes meta_graph, const std::string& directory,
                                              const std::string& file) {
  std::map<std::string, std::string> assets = proto::ReadAssets(meta_graph, file);
  for (auto& [node, name] : assets) name = directory + "/assets/" + name;
  return assets;
}

// Returns the directory of the model at `path`, which may be the path of saved_model.pb.
std::string DirectoryOf(const std::string& path) {
  if (IsDirectory(path)) return path;
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

bool Recognises(const PathSample& sample) {
  if (sample.Holds(kSavedModelFile)) return true;
  return IsSavedModelGraph(sample) && sample.FileName() == kSavedModelFile;
}

ImportedModel Import(const LoadOptions& options) {
  const std::string directory = DirectoryOf(options.path);
  const std::string file = directory + "/" + kSavedModelFile;
  const std::string bytes = ReadFile(file, "the model's graph", bounds::kGraphBytes);
  const proto::Bytes meta_graph = SelectMetaGraph(bytes, options, file);
  const proto::MetaGraphDef meta = proto::ReadMetaGraph(meta_graph, file);
  const proto::SignatureDef& signature = SelectSignature(meta, options.SignatureOrDefault());

  OpRegistry ops(options.allow_ops, options.allow_random);
  CallTree tree(meta.graph, &ops);
  std::vector<std::string> input_keys = Keys(signature.inputs, options.inputs, false);
  std::vector<std::string> output_keys = Keys(signature.outputs, options.outputs, true);
  std::vector<TensorSpec> inputs = Specs(signature.inputs, input_keys);
  std::vector<TensorSpec> outputs = Specs(signature.outputs, output_keys);
  const SignatureOrder order(&tree, inputs, outputs);
  const auto reorder = [](const std::vector<size_t>& by, std::vector<std::string>* keys,
                          std::vector<TensorSpec>* specs) {
    *keys = Reorder(*keys, by);
    *specs = Reorder(*specs, by);
  };
  if (options.inputs.empty()) reorder(order.input_order, &input_keys, &inputs);
  if (options.outputs.empty()) reorder(order.output_order, &output_keys, &outputs);
  CustomGradients gradients(&tree, &ops, meta, CapturedVariables(&tree, meta.objects));
  Checkpoint checkpoint(directory + "/variables/variables");
  const RestoredState restored{meta, &ops, &checkpoint};
  LookupTables tables(&tree, AssetPaths(meta_graph, directory, file), &restored);
  Flattened flat = InlineFunctions(&tree, &ops, inputs, outputs, NodeOrder::kFile,
                                   {&gradients, &tables, options.allow_random});
  flat.graph.versions = meta.graph.versions;
  if (auto warning = gradients.Warning()) flat.graph.warnings.push_back(*std::move(warning));
  for (size_t i = 0; i < inputs.size(); ++i) flat.graph.input_specs[i].name = input_keys[i];
  for (size_t i = 0; i < outputs.size(); ++i) flat.graph.output_specs[i].name = output_keys[i];

  FreezeVariables(&tree, meta, directory, &checkpoint, &flat);
  LiftConstants(&flat.graph, ConstantPolicy::kLargeOnly);
  const std::string metadata = directory + "/keras_metadata.pb";
  std::optional<KerasModel> keras;
  if (IsFile(metadata))
    keras = ReadKerasModel(ReadFile(metadata, "the model's Keras metadata", bounds::kSideFileBytes));
  if (keras) {
    // Keras 2's function returns a dict sorted by name. Only the metadata has the model's order.
    if (options.inputs.empty()) OrderByName(keras->inputs, &flat.graph.inputs, &flat.graph.input_specs);
    if (options.outputs.empty()) OrderByName(keras->outputs, &flat.graph.outputs, &flat.graph.output_specs);
  }
  return WithFoundLayers(std::move(flat.graph), keras);
}

}  // namespace

const Importer kSavedModel = {"a SavedModel (a directory with saved_model.pb)", Recognises, Import};

bool IsSavedModelGraph(const PathSample& sample) {
  // saved_model_schema_version, which is 1 in every release of TensorFlow, then meta_graphs.
  return sample.IsFile() && sample.start.starts_with("\x08\x01\x12");
}

}  // namespace ke::graph
