#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tensorflow/c_types.h"

namespace ke::tf {

// TensorFlow's name of a dtype ("float32"), as Python and the addon's contract spell it; "dtype 42" where it
// has none here.
std::string DTypeName(TF_DataType dtype);

// The dtype of a name that the addon's contract lists; none for other names.
std::optional<TF_DataType> DTypeNamed(std::string_view name);

// Whether the addon's contract lists the dtype, so that its name means something to JavaScript.
bool IsContractDType(TF_DataType dtype);

// The names that the addon's contract lists: "float32, float64, ...".
std::string ContractDTypeNames();

}  // namespace ke::tf
