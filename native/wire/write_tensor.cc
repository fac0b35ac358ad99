#include "wire/write_tensor.h"

#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"
#include "wire/write_proto.h"

namespace ke::graph {
namespace {

using protozero::pbf_writer;

// Returns the AttrValue of a tensor whose values `add_values` adds.
template <typename AddValues>
std::string TensorAttr(TF_DataType dtype, const std::vector<int64_t>& dims, AddValues add_values) {
  std::string attr;
  pbf_writer writer(attr);
  {
    pbf_writer tensor(writer, fields::attr_value::kTensor);
    tensor.add_enum(fields::tensor::kDType, dtype);
    tensor.add_message(fields::tensor::kShape, WriteShape(Shape::Of(dims)));
    add_values(&tensor);
  }
  return attr;
}

}  // namespace

std::string IntTensorAttr(TF_DataType dtype, const std::vector<int64_t>& dims,
                          const std::vector<int64_t>& values) {
  return TensorAttr(dtype, dims, [&](pbf_writer* tensor) {
    const uint32_t field = dtype == TF_INT32 ? fields::tensor::kInts : fields::tensor::kInt64s;
    tensor->add_packed_int64(field, values.begin(), values.end());
  });
}

std::string StringTensorAttr(const std::vector<int64_t>& dims, const std::vector<std::string>& values) {
  return TensorAttr(TF_STRING, dims, [&](pbf_writer* tensor) {
    for (const std::string& value : values) tensor->add_bytes(fields::tensor::kStrings, value);
  });
}

std::string BytesTensorAttr(TF_DataType dtype, const std::vector<int64_t>& dims, std::string_view bytes) {
  return TensorAttr(dtype, dims, [&](pbf_writer* tensor) {
    tensor->add_bytes(fields::tensor::kContent, bytes.data(), bytes.size());
  });
}

}  // namespace ke::graph
