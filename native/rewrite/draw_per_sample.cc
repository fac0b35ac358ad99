#include "rewrite/draw_per_sample.h"

#include "ir/random_ops.h"
#include "wire/write_tensor.h"

namespace ke::graph {

void AppendDrawPerSample(const FlatNode& node, const std::vector<std::string>& inputs,
                         const std::function<std::string(std::string)>& free_name, std::string* graph_def) {
  const auto shape_input = static_cast<size_t>(DrawOf(node.op)->shape);
  const std::string& shape = inputs[shape_input];
  // Ops that take a key and a counter name the dtype of the shape differently.
  const std::string of_key(node.Attr("Tshape"));
  const std::string shape_dtype = of_key.empty() ? std::string(node.Attr("T")) : of_key;
  const auto add = [&](const std::string& name, const std::string& op, const std::vector<std::string>& from,
                       const std::vector<std::pair<std::string, std::string>>& attrs) {
    std::string made = free_name(node.name + "/" + name);
    AppendNode(made, op, from, attrs, graph_def);
    return made;
  };
  const auto vector = [&](const std::string& name, TF_DataType dtype, int64_t value) {
    return add(name, "Const", {},
               {{"dtype", TypeAttr(dtype)}, {"value", IntTensorAttr(dtype, {1}, {value})}});
  };
  const TF_DataType dtype = proto::AttrType(shape_dtype).value_or(TF_INT32);
  const std::string sizes =
      add("sizes", "Slice", {shape, vector("first_size", TF_INT32, 1), vector("all_sizes", TF_INT32, -1)},
          {{"T", TypeAttr(dtype)}, {"Index", TypeAttr(TF_INT32)}});
  const std::string axis = free_name(node.name + "/axis");
  AppendNode(axis, "Const", {}, {{"dtype", TypeAttr(TF_INT32)}, {"value", Int32ScalarAttr(0)}}, graph_def);
  FlatNode row = node;
  row.name = free_name(node.name + "/row");
  std::vector<std::string> row_inputs = inputs;
  row_inputs[shape_input] = add("row_shape", "ConcatV2", {vector("one", dtype, 1), sizes, axis},
                                {{"T", TypeAttr(dtype)}, {"Tidx", TypeAttr(TF_INT32)}, {"N", IntAttr(2)}});
  AppendNode(row, row_inputs, graph_def);
  const std::string of_result(node.Attr("dtype"));
  AppendNode(node.name, "BroadcastTo", {row.name, shape},
             {{"T", of_result.empty() ? TypeAttr(TF_FLOAT) : of_result}, {"Tidx", TypeAttr(dtype)}},
             graph_def);
}

}  // namespace ke::graph
