#pragma once

#include <cstdint>

#include "tensorflow/c_types.h"

namespace ke::runtime {

// The first of `count` elements that is NaN, or -1; of dtypes that have no NaN, -1. Reads some 10 GB a
// second.
int64_t FindNaN(TF_DataType dtype, const void* elements, int64_t count);

}  // namespace ke::runtime
