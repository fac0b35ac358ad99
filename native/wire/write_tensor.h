#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensorflow/c_types.h"

namespace ke::graph {

// Return the serialised AttrValue of a Const with `values` in the shape `dims`.
std::string IntTensorAttr(TF_DataType dtype, const std::vector<int64_t>& dims,
                          const std::vector<int64_t>& values);  // int32 or int64
std::string StringTensorAttr(const std::vector<int64_t>& dims, const std::vector<std::string>& values);
// `bytes` holds values of any dtype but string.
std::string BytesTensorAttr(TF_DataType dtype, const std::vector<int64_t>& dims, std::string_view bytes);

}  // namespace ke::graph
