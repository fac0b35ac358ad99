// A dense tensor in 64-byte aligned memory. JavaScript and the runs that read the tensor share the tensor by
// reference count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "tensorflow/handles.h"

namespace ke::runtime {

// TensorFlow uses memory of this alignment without a copy, and copies any other memory.
inline constexpr size_t kAlignment = 64;

class Tensor;
using TensorRef = std::shared_ptr<Tensor>;

// Owns one TF_Tensor. The handle is held for as long as anything reads the memory. TensorFlow reuses an
// input's buffer in place only if nothing else holds the buffer, so a held handle ensures that TensorFlow
// never writes into the memory.
class Tensor {
 public:
  // Allocates uninitialised memory on the C++ heap. The heap returns freed memory at once and fails at once.
  // TensorFlow's own allocator keeps freed memory, and waits 10 s before it fails. Throws as tf::TensorBytes,
  // and RESOURCE_EXHAUSTED.
  static TensorRef Allocate(TF_DataType dtype, const std::vector<int64_t>& dims);
  static TensorRef Adopt(tf::TensorPtr tensor);

  explicit Tensor(tf::TensorPtr tensor);
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;

  TF_Tensor* handle() const { return tensor_.get(); }
  TF_DataType dtype() const { return dtype_; }
  const std::vector<int64_t>& dims() const { return dims_; }
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  // Returns the size of axis 0, and 1 for a scalar.
  int64_t rows() const { return dims_.empty() ? 1 : dims_[0]; }
  // Returns the bytes per row, and 0 if there is no row.
  size_t row_bytes() const { return rows() == 0 ? 0 : bytes_ / static_cast<size_t>(rows()); }

 private:
  tf::TensorPtr tensor_;
  TF_DataType dtype_;
  std::vector<int64_t> dims_;
  void* data_;
  size_t bytes_;
};

// Returns the rows [begin, end) of `tensor`, which must have an axis 0. If the first row is aligned, the
// slice shares the tensor's memory and keeps the memory alive. Otherwise the rows are copied and counted as
// copied in.
TensorRef SliceRows(const TensorRef& tensor, int64_t begin, int64_t end);

// Returns a copy in new memory.
TensorRef Copy(const TF_Tensor* tensor);

// Returns an output of a run as the only owner of its memory, because JavaScript gets a writable view of the
// memory. The output is copied, and counted as copied out, if a feed, a constant of the graph or another
// output shares the memory.
TensorRef OwnOutput(tf::TensorPtr output);

// Returns a worker's answer to the question whether `what`. Throws DATA_LOSS if the answer is not a scalar of
// dtype bool.
bool ToAnswer(const TF_Tensor* answer, const std::string& what);

// Returns a string tensor of shape `dims` with copies of `values`.
tf::TensorPtr MakeStrings(const std::vector<int64_t>& dims, const std::vector<std::string_view>& values);

// Returns a string tensor of shape (...) from `bytes`, uint8 of shape (..., L). Counted as copied in.
TensorRef StringsFromRows(const TensorRef& bytes);

}  // namespace ke::runtime
