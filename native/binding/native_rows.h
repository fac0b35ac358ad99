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

  // Returns the tensor, the same object at every call, or null before the first write.
  Napi::Value Tensor(Napi::Env env);
  // Writes `part` to the rows from `row` on, and creates the tensor at the first call. Used if JavaScript
  // holds the bytes, because native threads cannot write there.
  void Write(Napi::Env env, int64_t row, const runtime::TensorRef& part);

  // Pin prevents the garbage collection of the wrapper until Unpin.
  void Pin() { Ref(); }
  void Unpin() { Unref(); }

 private:
  Napi::Value GetTensor(const Napi::CallbackInfo& info);

  Napi::ObjectReference tensor_;
};

}  // namespace ke::binding
