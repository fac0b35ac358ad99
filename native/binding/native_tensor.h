#pragma once

#include <memory>

#include "binding/wrap.h"
#include "runtime/tensor.h"

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

  explicit NativeTensor(const Napi::CallbackInfo& info);

  // The memory for a run to read: this tensor's own, or a copy of what JavaScript holds where external
  // buffers are refused (counted as copied in). Throws FAILED_PRECONDITION, naming `argument`, where it was
  // released, or its buffer was detached or transferred.
  runtime::TensorRef ForRun(const std::string& argument);

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
