#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensorflow/c_types.h"

namespace ke::graph {

// Return the serialised AttrValue of a Const with `values` in the shape `dims`.
std::string IntTensorAttr(TF_DataType dtype, const std::vector<int64_t>& dims,
                          const std::vector<int64_t>& values);  // int32 or int64
std::string StringTensorAttr(const std::vector<int64_t>& dims, const std::vector<std::string>& values);

}  // namespace ke::graph
