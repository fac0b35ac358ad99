#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tensorflow/c_types.h"

namespace ke::tf {

// Returns TensorFlow's name of a dtype, such as "float32". Python and the addon's contract spell dtypes the
// same way. Returns "dtype 42" for a dtype that has no name here.
std::string DTypeName(TF_DataType dtype);

// Returns the dtype that `name` has in the addon's contract, and nothing for any other name.
std::optional<TF_DataType> DTypeNamed(std::string_view name);

// Returns whether the dtype is float16, bfloat16, float32 or float64. Only these have gradients, NaN and Inf.
constexpr bool IsFloating(TF_DataType dtype) {
  return dtype == TF_FLOAT || dtype == TF_DOUBLE || dtype == TF_HALF || dtype == TF_BFLOAT16;
}

// Returns whether the addon's contract lists the dtype, that is, whether JavaScript can name the dtype.
bool IsContractDType(TF_DataType dtype);

// Returns the names that the addon's contract lists: "float32, float64, ...".
std::string ContractDTypeNames();

}  // namespace ke::tf
