#include "runtime/shared_rows.h"

#include <cstring>

#include "runtime/memory.h"
#include "tensorflow/error.h"
#include "wire/shape.h"

namespace ke::runtime {

using graph::Shape;
using tf::C;

TensorRef SharedRows::tensor() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return tensor_;
}

void SharedRows::Write(int64_t row, const TF_Tensor* output, const std::string& fetch) {
  std::vector<int64_t> dims = tf::Dims(output);
  dims[0] = rows_;
  TensorRef target;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (tensor_ == nullptr) tensor_ = Tensor::Allocate(C().TF_TensorType(output), dims);
    target = tensor_;
  }
  if (target->dims() != dims || target->dtype() != C().TF_TensorType(output)) {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "fetch '" + fetch + "' has rows of different shapes in different parts, " +
                        graph::ToString(Shape::Of(target->dims())) + " and " +
                        graph::ToString(Shape::Of(dims)) + " for all rows: they cannot be joined",
                    fetch);
  }
  const size_t bytes = C().TF_TensorByteSize(output);
  if (bytes == 0) return;
  std::memcpy(static_cast<char*>(target->data()) + target->row_bytes() * static_cast<size_t>(row),
              C().TF_TensorData(output), bytes);
  CountCopiedOut(bytes);
}

}  // namespace ke::runtime
