// RAII owners of the C API's objects: one owner per handle, one TF_Status per call.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tensorflow/c_types.h"
#include "tensorflow/error.h"
#include "tensorflow/library.h"

namespace ke::tf {

template <typename T, auto Member>
struct Deleter {
  void operator()(T* handle) const { (C().*Member)(handle); }
};

using TensorPtr = std::unique_ptr<TF_Tensor, Deleter<TF_Tensor, &Functions::TF_DeleteTensor>>;
using BufferPtr = std::unique_ptr<TF_Buffer, Deleter<TF_Buffer, &Functions::TF_DeleteBuffer>>;
using GraphPtr = std::unique_ptr<TF_Graph, Deleter<TF_Graph, &Functions::TF_DeleteGraph>>;
using FunctionPtr = std::unique_ptr<TF_Function, Deleter<TF_Function, &Functions::TF_DeleteFunction>>;
using SessionOptionsPtr =
    std::unique_ptr<TF_SessionOptions, Deleter<TF_SessionOptions, &Functions::TF_DeleteSessionOptions>>;
using ImportOptionsPtr =
    std::unique_ptr<TF_ImportGraphDefOptions,
                    Deleter<TF_ImportGraphDefOptions, &Functions::TF_DeleteImportGraphDefOptions>>;
using ImportResultsPtr =
    std::unique_ptr<TF_ImportGraphDefResults,
                    Deleter<TF_ImportGraphDefResults, &Functions::TF_DeleteImportGraphDefResults>>;

// The status of one C call. Pass the object where the call takes a TF_Status*, then call Check().
class Status {
 public:
  Status() : status_(C().TF_NewStatus()) {}
  operator TF_Status*() { return status_.get(); }  // NOLINT(google-explicit-constructor): reads as the C API

  TF_Code code() const { return C().TF_GetCode(status_.get()); }
  bool ok() const { return code() == TF_OK; }
  std::string message() const { return C().TF_Message(status_.get()); }

  // Throws Error with TensorFlow's code and message. `op` names the node that failed; empty if there is no
  // single node.
  void Check(const std::string& op = {}) const {
    if (!ok()) throw Error(code(), message(), op);
  }

 private:
  std::unique_ptr<TF_Status, Deleter<TF_Status, &Functions::TF_DeleteStatus>> status_;
};

inline BufferPtr NewBuffer() { return BufferPtr(C().TF_NewBuffer()); }
inline BufferPtr NewBuffer(std::string_view bytes) {
  return BufferPtr(C().TF_NewBufferFromString(bytes.data(), bytes.size()));
}
inline std::string_view View(const TF_Buffer* buffer) {
  return {static_cast<const char*>(buffer->data), buffer->length};
}

// The limit of TensorFlow's TensorShape. TensorFlow ends the process for a shape of more axes.
inline constexpr size_t kMostAxes = 254;

// Returns the number of bytes of a tensor. Throws INVALID_ARGUMENT if the dtype has no fixed size per
// element, a dimension is negative, the shape has more than kMostAxes axes, or the size overflows.
size_t TensorBytes(TF_DataType dtype, const std::vector<int64_t>& dims);

// Allocates a tensor with TensorFlow's own allocator, in 64-byte aligned memory. Throws as TensorBytes does,
// and RESOURCE_EXHAUSTED if no memory is left (after 10 s, because TensorFlow waits for memory).
TensorPtr AllocateTensor(TF_DataType dtype, const std::vector<int64_t>& dims);

// Returns a tensor of shape `dims`, copied from `values`.
template <typename T>
TensorPtr MakeTensor(TF_DataType dtype, const std::vector<int64_t>& dims, const T* values) {
  TensorPtr tensor = AllocateTensor(dtype, dims);
  const size_t bytes = C().TF_TensorByteSize(tensor.get());
  if (bytes > 0) std::memcpy(C().TF_TensorData(tensor.get()), values, bytes);
  return tensor;
}

std::vector<int64_t> Dims(const TF_Tensor* tensor);

}  // namespace ke::tf
