#include "layers/keras_metadata.h"

#include <algorithm>
#include <map>

#include "tensorflow/error.h"
#include "wire/bounds.h"
#include "wire/json.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

struct Node {
  KerasLayer layer;
  std::vector<size_t> children;
  int depth = 0;
  std::map<std::string, int> calls;  // the number of calls of each layer, by name, in a Functional model
  bool is_sequential = false;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
};

// Returns the names in config.input_layers or config.output_layers: [["image", 0, 0], ...].
std::vector<std::string> EndsOf(const Json& config, const std::string& key) {
  std::vector<std::string> names;
  const Json* ends = config.Find(key);
  if (ends == nullptr) return names;
  for (const Json& end : ends->items()) {
    if (end.items().empty()) continue;
    const std::optional<std::string>& name = end.items()[0].text();
    if (name) names.push_back(*name);
  }
  return names;
}

std::map<std::string, int> CallsOf(const Json& config) {
  std::map<std::string, int> calls;
  const Json* layers = config.Find("layers");
  if (layers == nullptr) return calls;
  for (const Json& layer : layers->items()) {
    const Json* inbound = layer.Find("inbound_nodes");
    if (inbound == nullptr) continue;
    calls[layer.TextOf("name")] = std::max<int>(1, static_cast<int>(inbound->items().size()));
  }
  return calls;
}

std::optional<Node> ReadNode(const proto::KerasObject& object) {
  if (object.identifier.substr(0, 10) != "_tf_keras_") return std::nullopt;
  const std::optional<Json> metadata = Json::Parse(object.metadata);
  if (!metadata) return std::nullopt;
  Node node;
  node.layer.name = metadata->TextOf("name");
  node.layer.type = metadata->TextOf("class_name");
  if (node.layer.name.empty() || node.layer.type.empty()) return std::nullopt;
  if (const Json* config = metadata->Find("config")) {
    node.calls = CallsOf(*config);
    node.inputs = EndsOf(*config, "input_layers");
    node.outputs = EndsOf(*config, "output_layers");
  }
  node.is_sequential = object.identifier == "_tf_keras_sequential";
  return node;
}

// Returns the object that holds the object at `path`: the nearest ancestor that is a layer. For example,
// "root" holds "root.blocks.0".
size_t FindParent(const std::map<std::string_view, size_t>& nodes, std::string_view path) {
  for (size_t dot = path.rfind('.'); dot != std::string_view::npos; dot = path.rfind('.')) {
    path = path.substr(0, dot);
    const auto found = nodes.find(path);
    if (found != nodes.end()) return found->second;
  }
  return 0;
}

// Recurses: the depth is bounded (bounds::kLayerDepth).
KerasLayer Build(const std::vector<Node>& nodes, size_t index) {
  KerasLayer layer = nodes[index].layer;
  for (const size_t child : nodes[index].children) layer.layers.push_back(Build(nodes, child));
  return layer;
}

}  // namespace

std::optional<KerasModel> ReadKerasModel(const std::string& keras_metadata) {
  std::vector<proto::KerasObject> objects;
  try {
    objects = proto::ReadKerasMetadata(keras_metadata, "keras_metadata.pb");
  } catch (const tf::Error&) {
    return std::nullopt;  // the graph is intact: its scopes still name the layers
  }
  std::vector<Node> nodes;
  std::map<std::string_view, size_t> by_path;
  for (const proto::KerasObject& object : objects) {
    std::optional<Node> node = ReadNode(object);
    if (!node || (nodes.empty() && object.path != "root")) continue;
    const size_t index = nodes.size();
    if (index > 0) {
      Node& parent = nodes[FindParent(by_path, object.path)];
      node->depth = parent.depth + 1;
      if (node->depth > bounds::kLayerDepth) continue;
      const auto calls = parent.calls.find(node->layer.name);
      node->layer.calls = calls != parent.calls.end() ? calls->second : parent.is_sequential ? 1 : 0;
      parent.children.push_back(index);
    }
    by_path.emplace(object.path, index);
    nodes.push_back(std::move(*node));
  }
  if (nodes.empty()) return std::nullopt;
  return KerasModel{Build(nodes, 0), nodes[0].inputs, nodes[0].outputs};
}

}  // namespace ke::graph
