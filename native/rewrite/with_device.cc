#include "rewrite/with_device.h"

#include "tensorflow/protozero.h"

namespace ke::graph {

namespace {

// Field numbers of graph.proto, function.proto and node_def.proto.
constexpr int kGraphNode = 1;
constexpr int kGraphLibrary = 2;
constexpr int kLibraryFunction = 1;
constexpr int kFunctionNode = 3;
constexpr int kNodeDevice = 4;

std::string_view View(const protozero::data_view& data) { return {data.data(), data.size()}; }

std::string NodeOn(std::string_view node, const std::string& device) {
  std::string bytes(node);
  protozero::pbf_reader reader(node.data(), node.size());
  while (reader.next()) {
    if (reader.tag() == kNodeDevice && reader.get_view().size() > 0) return bytes;
    if (reader.tag() != kNodeDevice) reader.skip();
  }
  protozero::pbf_writer(bytes).add_string(kNodeDevice, device);
  return bytes;
}

// Returns a copy of `message` in which `change` is applied to each field `field`, a message. All fields of
// `message` must be messages, texts or varints.
template <typename Change>
std::string Changed(std::string_view message, protozero::pbf_tag_type field, Change change) {
  std::string bytes;
  protozero::pbf_writer writer(bytes);
  protozero::pbf_reader reader(message.data(), message.size());
  while (reader.next()) {
    const protozero::pbf_tag_type tag = reader.tag();
    if (reader.wire_type() == protozero::pbf_wire_type::varint) {
      writer.add_uint64(tag, reader.get_uint64());
    } else if (tag == field) {
      writer.add_message(tag, change(View(reader.get_view())));
    } else {
      writer.add_message(tag, reader.get_view());
    }
  }
  return bytes;
}

}  // namespace

std::string WithDevice(std::string_view graph_def, const std::string& device) {
  const auto node = [&](std::string_view bytes) { return NodeOn(bytes, device); };
  const auto function = [&](std::string_view bytes) { return Changed(bytes, kFunctionNode, node); };
  const auto library = [&](std::string_view bytes) { return Changed(bytes, kLibraryFunction, function); };
  return Changed(Changed(graph_def, kGraphNode, node), kGraphLibrary, library);
}

}  // namespace ke::graph
