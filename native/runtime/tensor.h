// A dense tensor in 64-byte aligned memory, shared by reference count between JavaScript and the runs that
// read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "tensorflow/handles.h"

namespace ke::runtime {

// TensorFlow takes memory as it is only where it is aligned so; anything else it copies.
inline constexpr size_t kAlignment = 64;

class Tensor;
using TensorRef = std::shared_ptr<Tensor>;

// Owns one TF_Tensor. The handle is held for as long as anybody reads the memory, so that TensorFlow, which
// reuses an input's buffer in place where nobody else holds it, never writes into one.
class Tensor {
 public:
  // Uninitialised memory of the C++ heap, which goes back at once and fails at once: TensorFlow's own
  // allocator keeps what is freed, and waits 10 s before it fails. Throws as tf::TensorBytes, and
  // RESOURCE_EXHAUSTED.
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
  // The size of axis 0; 1 for a scalar.
  int64_t rows() const { return dims_.empty() ? 1 : dims_[0]; }
  // Bytes per row; 0 where there is no row.
  size_t row_bytes() const { return rows() == 0 ? 0 : bytes_ / static_cast<size_t>(rows()); }

 private:
  tf::TensorPtr tensor_;
  TF_DataType dtype_;
  std::vector<int64_t> dims_;
  void* data_;
  size_t bytes_;
};

// Rows [begin, end) of `tensor`, which has an axis 0. Shares its memory (and keeps it alive) where the first
// row is aligned; else copies the rows and counts that as copied in.
TensorRef SliceRows(const TensorRef& tensor, int64_t begin, int64_t end);

// A copy in memory of its own.
TensorRef Copy(const TF_Tensor* tensor);

// An output of a run, made the only owner of its memory: copied, and counted as copied out, where it shares
// that with a feed, a constant of the graph or another output. JavaScript gets a writable view of it.
TensorRef OwnOutput(tf::TensorPtr output);

// A worker's answer to the question whether `what`. Throws DATA_LOSS where it is no scalar of dtype bool.
bool ToAnswer(const TF_Tensor* answer, const std::string& what);

// A string tensor of copies of `values`, in the order of `dims`.
tf::TensorPtr MakeStrings(const std::vector<int64_t>& dims, const std::vector<std::string_view>& values);

// A string tensor (N) of the rows of `bytes`, uint8 (N, L). Copies, and counts that as copied in.
TensorRef StringsFromRows(const TensorRef& bytes);

}  // namespace ke::runtime
