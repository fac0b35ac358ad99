#pragma once

#include <cstddef>
#include <string>

namespace ke::runtime {

// Throws INVALID_ARGUMENT if `bytes`, the size of `what`, is too large for one message to a worker.
// TensorFlow would end the process.
void CheckMessageSize(size_t bytes, const std::string& what);

}  // namespace ke::runtime
