#include "wire/write_proto.h"

#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"

namespace ke::graph {
namespace {

using protozero::pbf_writer;
namespace attr_value = fields::attr_value;

// Returns the AttrValue of a Const with one value, which `add_value` adds.
template <typename AddValue>
std::string ScalarAttr(TF_DataType dtype, AddValue add_value) {
  std::string attr;
  {
    pbf_writer writer(attr);
    pbf_writer tensor(writer, attr_value::kTensor);
    tensor.add_enum(fields::tensor::kDType, dtype);
    tensor.add_message(fields::tensor::kShape, WriteShape(Shape::Of({})));
    add_value(&tensor);
  }
  return attr;
}

}  // namespace

std::string WriteShape(const Shape& shape) {
  std::string bytes;
  pbf_writer writer(bytes);
  if (!shape.known_rank) writer.add_bool(fields::tensor_shape::kUnknownRank, true);
  for (const int64_t size : shape.dims) {
    pbf_writer dim(writer, fields::tensor_shape::kDim);
    dim.add_int64(fields::shape_dim::kSize, size);
  }
  return bytes;
}

std::string TypeAttr(TF_DataType dtype) {
  std::string attr;
  pbf_writer(attr).add_enum(attr_value::kType, dtype);
  return attr;
}

std::string TypesAttr(const std::vector<TF_DataType>& dtypes) {
  std::string list;
  const std::vector<int32_t> numbers(dtypes.begin(), dtypes.end());
  pbf_writer(list).add_packed_enum(attr_value::kType, numbers.begin(), numbers.end());
  std::string attr;
  pbf_writer(attr).add_message(attr_value::kList, list);  // an empty list must be present too
  return attr;
}

std::string StringAttr(std::string_view value) {
  std::string attr;
  pbf_writer(attr).add_bytes(attr_value::kString, value.data(), value.size());
  return attr;
}

std::string IntAttr(int64_t value) {
  std::string attr;
  pbf_writer(attr).add_int64(attr_value::kInt, value);
  return attr;
}

std::string IntsAttr(const std::vector<int64_t>& values) {
  std::string list;
  pbf_writer(list).add_packed_int64(attr_value::kInt, values.begin(), values.end());
  std::string attr;
  pbf_writer(attr).add_message(attr_value::kList, list);
  return attr;
}

std::string ShapeAttr(const Shape& shape) {
  std::string attr;
  pbf_writer(attr).add_message(attr_value::kShape, WriteShape(shape));
  return attr;
}

std::string ShapesAttr(const std::vector<Shape>& shapes) {
  std::string list;
  for (const Shape& shape : shapes) pbf_writer(list).add_message(attr_value::kShape, WriteShape(shape));
  std::string attr;
  pbf_writer(attr).add_message(attr_value::kList, list);
  return attr;
}

std::string BoolAttr(bool value) {
  std::string attr;
  pbf_writer(attr).add_bool(attr_value::kBool, value);
  return attr;
}

std::string FunctionAttr(std::string_view function) {
  std::string attr;
  pbf_writer writer(attr);
  pbf_writer(writer, attr_value::kFunction)
      .add_string(fields::name_attr_list::kName, function.data(), function.size());
  return attr;
}

std::string FunctionsAttr(const std::vector<std::string>& functions) {
  std::string list;
  pbf_writer writer(list);
  for (const std::string& function : functions) {
    pbf_writer(writer, attr_value::kListFunctions).add_string(fields::name_attr_list::kName, function);
  }
  std::string attr;
  pbf_writer(attr).add_message(attr_value::kList, list);
  return attr;
}

std::string Int32ScalarAttr(int32_t value) {
  return ScalarAttr(TF_INT32, [&](pbf_writer* tensor) {
    tensor->add_packed_int32(fields::tensor::kInts, &value, &value + 1);
  });
}

std::string StringScalarAttr(std::string_view value) {
  return ScalarAttr(TF_STRING, [&](pbf_writer* tensor) {
    tensor->add_bytes(fields::tensor::kStrings, value.data(), value.size());
  });
}

void AppendNode(std::string_view name, std::string_view op, const std::vector<std::string>& inputs,
                const std::vector<std::pair<std::string, std::string>>& attrs, std::string* graph_def) {
  pbf_writer graph(*graph_def);
  pbf_writer node(graph, fields::graph_def::kNode);
  node.add_string(fields::node_def::kName, name.data(), name.size());
  node.add_string(fields::node_def::kOp, op.data(), op.size());
  for (const std::string& input : inputs) node.add_string(fields::node_def::kInput, input);
  for (const auto& [attr, value] : attrs) {
    pbf_writer entry(node, fields::node_def::kAttr);
    entry.add_string(fields::map_entry::kKey, attr);
    entry.add_message(fields::map_entry::kValue, value);
  }
}

void AppendFunctions(const std::vector<std::string_view>& functions, std::string* graph_def) {
  if (functions.empty()) return;
  pbf_writer graph(*graph_def);
  pbf_writer library(graph, fields::graph_def::kLibrary);
  for (const std::string_view function : functions) {
    library.add_message(fields::function_library::kFunction, function.data(), function.size());
  }
}

void AppendVersions(std::string_view versions, std::string* graph_def) {
  if (versions.empty()) return;
  pbf_writer(*graph_def).add_message(fields::graph_def::kVersions, versions.data(), versions.size());
}

}  // namespace ke::graph
