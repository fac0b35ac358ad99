#pragma once

#include <memory>

#include "binding/wrap.h"
#include "runtime/run_options.h"

namespace ke::binding {

// One tensor that JavaScript holds, counted in ke::runtime's memory counters from construction until it is
// released, or until nobody has the wrapper or the ArrayBuffer any more. Of the JavaScript thread only.
class HeldTensor {
 public:
  explicit HeldTensor(runtime::TensorRef tensor);
  ~HeldTensor();
  HeldTensor(const HeldTensor&) = delete;
  HeldTensor& operator=(const HeldTensor&) = delete;

  // Null once dropped, and where JavaScript holds a copy of its own (no external buffers).
  const runtime::TensorRef& tensor() const { return tensor_; }
  // Keeps counting it, without TensorFlow's memory.
  void LetMemoryGo() { tensor_.reset(); }
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
  // Throws RESOURCE_EXHAUSTED for more bytes than an ArrayBuffer can have.
  static Napi::Object Create(Environment* environment, const runtime::TensorRef& tensor);

  explicit NativeTensor(const Napi::CallbackInfo& info);

  TF_DataType dtype() const { return dtype_; }
  const std::vector<int64_t>& dims() const { return dims_; }

  // The value for a run that reads rows [begin, begin + rows) of it, or all where it has no axis 0 (`rows` is
  // -1 for all from `begin` on): this tensor's own memory, or a copy of those rows of what JavaScript holds
  // where external buffers are refused (counted as copied in). Throws FAILED_PRECONDITION, naming `argument`,
  // where it was released, or its buffer was detached or transferred.
  runtime::FeedValue ForRun(const std::string& argument, int64_t begin, int64_t rows);

  // Its own memory, or null where JavaScript holds its bytes (`bytes()`). Throws as ForRun.
  const runtime::TensorRef& Memory(const std::string& argument);

  // The bytes as JavaScript sees them, while it does not run; null where it was released or detached.
  char* bytes();

  // Writes `part` to the rows from `row` on as JavaScript sees them; nothing where it was released or
  // detached meanwhile. Counted as copied out. Throws INVALID_ARGUMENT where the rows are others.
  void WriteRows(int64_t row, const runtime::TensorRef& part);

  // Keeps the wrapper from being collected until `Unpin`.
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
