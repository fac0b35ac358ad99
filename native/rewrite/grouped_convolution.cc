#include "rewrite/grouped_convolution.h"

#include <string_view>

#include "wire/proto.h"

namespace ke::graph {
namespace {

constexpr int64_t kUnknownGroups = 0;

// Returns the axis of the channels of the input.
size_t ChannelAxis(const FlatNode& node, size_t rank) {
  const std::string_view format = proto::AttrString(node.Attr("data_format")).value_or("");
  return format == "NCHW" || format == "NCDHW" ? 1 : rank - 1;
}

// Returns the static length of axis `axis` of a tensor of rank `rank`, or -1.
int64_t Length(const FlatGraph& graph, TensorId tensor, const TensorSpecs& tensors, size_t rank,
               size_t axis) {
  const auto spec = tensors.find(graph.TensorName(tensor));
  if (spec == tensors.end() || spec->second.shape.rank() != static_cast<int>(rank)) return -1;
  return spec->second.shape.dims[axis];
}

}  // namespace

int64_t GroupsOf(const FlatGraph& graph, const FlatNode& node, const TensorSpecs& tensors) {
  if (node.kind != FlatNode::Kind::kOp || node.inputs.size() != 2) return 1;
  if (node.op != "Conv2D" && node.op != "Conv3D") return 1;
  const size_t rank = node.op == "Conv2D" ? 4 : 5;
  const int64_t channels = Length(graph, node.inputs[0], tensors, rank, ChannelAxis(node, rank));
  const int64_t read = Length(graph, node.inputs[1], tensors, rank, rank - 2);
  if (channels < 0 || read < 0) return kUnknownGroups;
  // TensorFlow refuses other kernels when the convolution runs.
  return read == 0 || channels % read != 0 ? 1 : channels / read;
}

void AppendGroupedConvolution(const FlatNode& node, const std::vector<std::string>& inputs, int64_t groups,
                              const std::function<std::string(std::string)>& free_name,
                              std::string* graph_def) {
  const std::string dtype(node.Attr("T"));
  FlatNode convolution = node;
  if (node.op == "Conv2D") {
    convolution.name = free_name(node.name + "/grouped");
    AppendNode(convolution, inputs, graph_def);
    AppendNode(node.name, "EnsureShape", {convolution.name},
               {{"T", dtype}, {"shape", ShapeAttr(Shape::Of({-1, -1, -1, -1}))}}, graph_def);
    return;
  }
  if (groups == kUnknownGroups) return AppendNode(node, inputs, graph_def);
  constexpr size_t kRank = 5;
  const auto axis = [&](const std::string& name, size_t value) {
    std::string made = free_name(node.name + "/" + name);
    AppendNode(made, "Const", {},
               {{"dtype", TypeAttr(TF_INT32)}, {"value", Int32ScalarAttr(static_cast<int32_t>(value))}},
               graph_def);
    return made;
  };
  const auto split = [&](const std::string& name, const std::string& along, const std::string& value) {
    std::string made = free_name(node.name + "/" + name);
    AppendNode(made, "Split", {along, value}, {{"T", dtype}, {"num_split", IntAttr(groups)}}, graph_def);
    return made;
  };
  const std::string channels = axis("channels", ChannelAxis(node, kRank));
  const std::string parts = split("input_groups", channels, inputs[0]);
  const std::string kernels = split("kernel_groups", axis("units", kRank - 1), inputs[1]);
  std::vector<std::string> results;
  for (int64_t group = 0; group < groups; ++group) {
    const std::string output = ":" + std::to_string(group);
    convolution.name = free_name(node.name + "/group_" + std::to_string(group));
    AppendNode(convolution, {parts + output, kernels + output}, graph_def);
    results.push_back(convolution.name);
  }
  results.push_back(channels);
  AppendNode(node.name, "ConcatV2", results,
             {{"T", dtype}, {"Tidx", TypeAttr(TF_INT32)}, {"N", IntAttr(groups)}}, graph_def);
}

}  // namespace ke::graph
