#pragma once

#include <memory>

#include "binding/wrap.h"
#include "runtime/run_options.h"

namespace ke::binding {

// One tensor that JavaScript holds. The tensor counts in the memory counters of ke::runtime from its
// construction until its release, or until both the wrapper and the ArrayBuffer are collected. Used on the
// JavaScript thread only.
class HeldTensor {
 public:
  explicit HeldTensor(runtime::TensorRef tensor);
  ~HeldTensor();
  HeldTensor(const HeldTensor&) = delete;
  HeldTensor& operator=(const HeldTensor&) = delete;

  // Null after Drop, and if JavaScript holds a copy (no external buffers).
  const runtime::TensorRef& tensor() const { return tensor_; }
  // Releases TensorFlow's memory but keeps counting the tensor.
  void ReleaseMemory() { tensor_.reset(); }
  void Drop();

 private:
  runtime::TensorRef tensor_;
  int64_t bytes_;
  bool live_ = true;
};

// NativeTensor of lib/binding/contract.ts.
class NativeTensor : public Wrap<NativeTensor, runtime::TensorRef> {
 public:
  static constexpr const char* kName = "NativeTensor";
  static constexpr napi_type_tag kTag = {0x6b6572617354656eULL, 0x736f7200a3f1c201ULL};
  static Napi::FunctionReference& Class(Environment* environment) { return environment->tensor_class; }
  static Napi::Function Define(Napi::Env env);
  // Throws RESOURCE_EXHAUSTED if the tensor has more bytes than an ArrayBuffer can have.
  static Napi::Object Create(Environment* environment, const runtime::TensorRef& tensor);

  explicit NativeTensor(const Napi::CallbackInfo& info);

  TF_DataType dtype() const { return dtype_; }
  const std::vector<int64_t>& dims() const { return dims_; }

  // Returns the value for a run that reads the rows [begin, begin + rows) of the tensor, or the whole tensor
  // if it has no axis 0. `rows` is -1 for all rows from `begin` on. The value is this tensor's own memory. If
  // external buffers are refused, the value is a copy of these rows of JavaScript's bytes (counted as copied
  // in). Throws FAILED_PRECONDITION, naming `argument`, if the tensor was released, or its buffer was
  // detached or transferred.
  runtime::FeedValue ForRun(const std::string& argument, int64_t begin, int64_t rows);

  // Returns the tensor's own memory, or null if JavaScript holds the bytes (`bytes()`). Throws as ForRun.
  const runtime::TensorRef& Memory(const std::string& argument);

  // Returns the bytes that JavaScript sees, or null if the tensor was released or detached. The pointer is
  // valid only until JavaScript runs again.
  char* bytes();

  // Writes `part` to the rows from `row` on of the bytes that JavaScript sees. Does nothing if the tensor was
  // released or detached meanwhile. Counted as copied out. Throws INVALID_ARGUMENT if the rows have another
  // shape or dtype.
  void WriteRows(int64_t row, const runtime::TensorRef& part);

  // Pin prevents the garbage collection of the wrapper until Unpin.
  void Pin() { Ref(); }
  void Unpin() { Unref(); }

 private:
  Napi::Value GetDType(const Napi::CallbackInfo& info);
  Napi::Value GetShape(const Napi::CallbackInfo& info);
  Napi::Value GetByteOffset(const Napi::CallbackInfo& info);
  Napi::Value GetByteLength(const Napi::CallbackInfo& info);
  void Release(const Napi::CallbackInfo& info);

  Napi::ArrayBuffer Buffer() const;
  Napi::ArrayBuffer MakeBuffer(Napi::Env env);

  TF_DataType dtype_;
  std::vector<int64_t> dims_;
  size_t bytes_;
  std::shared_ptr<HeldTensor> held_;
};

}  // namespace ke::binding
