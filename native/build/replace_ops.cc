#include "build/replace_ops.h"

#include "tensorflow/import_graph.h"
#include "tensorflow/protozero.h"
#include "tensorflow/read_graph.h"
#include "wire/field_numbers.h"

namespace ke::graph {
namespace {

using protozero::pbf_reader;
using protozero::pbf_writer;
using Names = std::map<std::string, std::string, std::less<>>;

std::string NameOf(pbf_reader node) {
  return node.next(fields::node_def::kName) ? node.get_string() : std::string();
}

// Returns an input of a node ("op", "op:1" or "^op") with the name of the op replaced.
std::string Replaced(const std::string& input, const Names& names) {
  const size_t begin = input.starts_with('^') ? 1 : 0;
  const size_t end = input.find(':', begin);
  const auto by =
      names.find(std::string_view(input).substr(begin, end == std::string::npos ? end : end - begin));
  if (by == names.end()) return input;
  return input.substr(0, begin) + by->second + (end == std::string::npos ? "" : input.substr(end));
}

void CopyNode(pbf_reader node, const Names& names, pbf_writer* to) {
  while (node.next()) {
    if (node.tag() == fields::node_def::kInput) {
      to->add_string(fields::node_def::kInput, Replaced(node.get_string(), names));
    } else {
      to->add_message(node.tag(), node.get_view());
    }
  }
}

}  // namespace

tf::GraphPtr WithReplacedOps(TF_Graph* graph, const Names& names) {
  const tf::BufferPtr from = tf::ToGraphDef(graph);
  std::string graph_def;
  pbf_writer writer(graph_def);
  pbf_reader reader(static_cast<const char*>(from->data), from->length);
  while (reader.next()) {
    if (reader.tag() != fields::graph_def::kNode) {
      writer.add_message(reader.tag(), reader.get_view());
      continue;
    }
    const pbf_reader node = reader.get_message();
    if (names.count(NameOf(node)) > 0) continue;
    pbf_writer copy(writer, fields::graph_def::kNode);
    CopyNode(node, names, &copy);
  }
  return tf::GraphOf(graph_def);
}

}  // namespace ke::graph
