#include "runtime/tensor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "runtime/memory.h"

namespace ke::runtime {

using tf::C;

namespace {

// sizeof(TF_TString), which TensorFlow's ABI fixes at 24 bytes.
constexpr size_t kStringBytes = 24;

void DropReference(void*, size_t, void* reference) { delete static_cast<TensorRef*>(reference); }

void FreeMemory(void*, size_t, void* memory) { std::free(memory); }

// TensorFlow frees the memory of a string tensor, but not the memory that its elements own.
void DeleteStrings(void* data, size_t length, void*) {
  for (size_t offset = 0; offset < length; offset += kStringBytes) {
    C().TF_StringDealloc(reinterpret_cast<TF_TString*>(static_cast<char*>(data) + offset));
  }
  ::operator delete(data, std::align_val_t(kAlignment));
}

bool IsAligned(const void* data) { return reinterpret_cast<uintptr_t>(data) % kAlignment == 0; }

}  // namespace

TensorRef Tensor::Allocate(TF_DataType dtype, const std::vector<int64_t>& dims) {
  const size_t bytes = tf::TensorBytes(dtype, dims);
  // At least one byte is allocated, so that an empty tensor has an address too. The alignment is done by
  // hand: glibc's aligned allocation (before 2.38) seldom finds the gap that a freed block of the same size
  // has left, so the process would grow with every large batch.
  size_t room = std::max<size_t>(bytes, 1) + kAlignment;
  void* memory = room > bytes ? std::malloc(room) : nullptr;
  if (memory == nullptr) {
    throw tf::Error(TF_RESOURCE_EXHAUSTED, "no memory for a tensor of " + std::to_string(bytes) + " bytes");
  }
  void* data = memory;
  std::align(kAlignment, room - kAlignment, data, room);
  tf::TensorPtr tensor(
      C().TF_NewTensor(dtype, dims.data(), static_cast<int>(dims.size()), data, bytes, FreeMemory, memory));
  if (tensor == nullptr) throw tf::Error(TF_INTERNAL, "TensorFlow refused memory for a tensor");
  return Adopt(std::move(tensor));
}

TensorRef Tensor::Adopt(tf::TensorPtr tensor) { return std::make_shared<Tensor>(std::move(tensor)); }

Tensor::Tensor(tf::TensorPtr tensor)
    : tensor_(std::move(tensor)),
      dtype_(C().TF_TensorType(tensor_.get())),
      dims_(tf::Dims(tensor_.get())),
      data_(C().TF_TensorData(tensor_.get())),
      bytes_(C().TF_TensorByteSize(tensor_.get())) {}

TensorRef SliceRows(const TensorRef& tensor, int64_t begin, int64_t end) {
  if (begin == 0 && end == tensor->rows()) return tensor;
  std::vector<int64_t> dims = tensor->dims();
  dims[0] = end - begin;
  const size_t bytes = tensor->row_bytes() * static_cast<size_t>(end - begin);
  char* first = static_cast<char*>(tensor->data()) + tensor->row_bytes() * static_cast<size_t>(begin);
  if (bytes > 0 && IsAligned(first)) {
    auto reference = std::make_unique<TensorRef>(tensor);
    // TensorFlow always calls the deallocator, also if it refuses the memory.
    tf::TensorPtr slice(C().TF_NewTensor(tensor->dtype(), dims.data(), static_cast<int>(dims.size()), first,
                                         bytes, DropReference, reference.release()));
    if (slice == nullptr) throw tf::Error(TF_INTERNAL, "TensorFlow refused a slice of a tensor's memory");
    return Tensor::Adopt(std::move(slice));
  }
  TensorRef copy = Tensor::Allocate(tensor->dtype(), dims);
  if (bytes > 0) std::memcpy(copy->data(), first, bytes);
  CountCopiedIn(bytes);
  return copy;
}

TensorRef Copy(const TF_Tensor* tensor) {
  TensorRef copy = Tensor::Allocate(C().TF_TensorType(tensor), tf::Dims(tensor));
  if (copy->bytes() > 0) std::memcpy(copy->data(), C().TF_TensorData(tensor), copy->bytes());
  return copy;
}

TensorRef OwnOutput(tf::TensorPtr output) {
  // TensorFlow gives up a tensor only if nothing else refers to its buffer, including slices of the buffer.
  if (C().TF_TensorMaybeMove(output.get()) != nullptr) return Tensor::Adopt(std::move(output));
  TensorRef copy = Copy(output.get());
  CountCopiedOut(copy->bytes());
  return copy;
}

bool ToAnswer(const TF_Tensor* answer, const std::string& what) {
  if (C().TF_TensorType(answer) != TF_BOOL || C().TF_NumDims(answer) != 0) {
    throw tf::Error(TF_DATA_LOSS, "the worker's answer whether " + what + " cannot be read");
  }
  return *static_cast<const unsigned char*>(C().TF_TensorData(answer)) != 0;
}

tf::TensorPtr MakeStrings(const std::vector<int64_t>& dims, const std::vector<std::string_view>& values) {
  const size_t length = kStringBytes * values.size();
  void* data = ::operator new(length, std::align_val_t(kAlignment));
  for (size_t i = 0; i < values.size(); ++i) {
    auto* string = reinterpret_cast<TF_TString*>(static_cast<char*>(data) + kStringBytes * i);
    C().TF_StringInit(string);
    C().TF_StringCopy(string, values[i].data(), values[i].size());
  }
  tf::TensorPtr tensor(C().TF_NewTensor(TF_STRING, dims.data(), static_cast<int>(dims.size()), data, length,
                                        DeleteStrings, nullptr));
  if (tensor == nullptr) throw tf::Error(TF_INTERNAL, "TensorFlow refused a string tensor");
  return tensor;
}

TensorRef StringsFromRows(const TensorRef& bytes) {
  std::vector<int64_t> dims = bytes->dims();
  if (bytes->dtype() != TF_UINT8 || dims.empty()) {
    throw tf::Error(TF_INVALID_ARGUMENT, "strings are made from uint8 whose last axis holds their bytes");
  }
  const auto length = static_cast<size_t>(dims.back());
  dims.pop_back();
  size_t count = 1;
  for (const int64_t dim : dims) count *= static_cast<size_t>(dim);
  std::vector<std::string_view> rows;
  rows.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    rows.emplace_back(static_cast<const char*>(bytes->data()) + length * i, length);
  }
  CountCopiedIn(bytes->bytes());
  return Tensor::Adopt(MakeStrings(dims, rows));
}

}  // namespace ke::runtime
