#include "rewrite/with_device.h"

#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"

namespace ke::graph {

namespace {

using fields::node_def::kDevice;

std::string_view View(const protozero::data_view& data) { return {data.data(), data.size()}; }

std::string NodeOn(std::string_view node, const std::string& device) {
  std::string bytes(node);
  protozero::pbf_reader reader(node.data(), node.size());
  while (reader.next()) {
    if (reader.tag() == kDevice && reader.get_view().size() > 0) return bytes;
    if (reader.tag() != kDevice) reader.skip();
  }
  protozero::pbf_writer(bytes).add_string(kDevice, device);
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
  const auto function = [&](std::string_view bytes) {
    return Changed(bytes, fields::function_def::kNode, node);
  };
  const auto library = [&](std::string_view bytes) {
    return Changed(bytes, fields::function_library::kFunction, function);
  };
  return Changed(Changed(graph_def, fields::graph_def::kNode, node), fields::graph_def::kLibrary, library);
}

}  // namespace ke::graph
