#pragma once

#include <memory>

#include "binding/native_tensor.h"
#include "binding/wrap.h"
#include "runtime/shared_rows.h"

namespace ke::binding {

// NativeRows of lib/binding/contract.ts.
class NativeRows : public Wrap<NativeRows, std::shared_ptr<runtime::SharedRows>> {
 public:
  static constexpr const char* kName = "NativeRows";
  static constexpr napi_type_tag kTag = {0x6b657261526f7773ULL, 0x00000000a3f1c206ULL};
  static Napi::FunctionReference& Class(Environment* environment) { return environment->rows_class; }
  static Napi::Function Define(Napi::Env env);

  using Wrap::Wrap;

  const std::shared_ptr<runtime::SharedRows>& rows() const { return state_; }

  // The tensor, always the same one; null while there is nothing.
  Napi::Value Tensor(Napi::Env env);
  // What native threads cannot do where JavaScript holds the bytes: makes the tensor if need be, and writes
  // `part` to its rows from `row` on.
  void Write(Napi::Env env, int64_t row, const runtime::TensorRef& part);

  // Keeps the wrapper from being collected until `Unpin`.
  void Pin() { Ref(); }
  void Unpin() { Unref(); }

 private:
  Napi::Value GetTensor(const Napi::CallbackInfo& info);

  Napi::ObjectReference tensor_;
};

}  // namespace ke::binding
