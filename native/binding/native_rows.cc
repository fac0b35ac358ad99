#include "binding/native_rows.h"

#include <cstring>

#include "runtime/memory.h"

namespace ke::binding {

using runtime::TensorRef;

Napi::Function NativeRows::Define(Napi::Env env) {
  return DefineWithGetters(env, {}, {Getter<&NativeRows::GetTensor>("tensor")});
}

Napi::Value NativeRows::Tensor(Napi::Env env) {
  if (tensor_.IsEmpty()) {
    const TensorRef tensor = state_->tensor();
    if (tensor == nullptr) return env.Null();
    tensor_ = Napi::Persistent(NativeTensor::Create(&Environment::Of(env), tensor));
  }
  return tensor_.Value();
}

void NativeRows::Write(Napi::Env env, int64_t row, const TensorRef& part) {
  if (tensor_.IsEmpty()) {
    std::vector<int64_t> dims = part->dims();
    dims[0] = state_->rows();
    const TensorRef whole = runtime::Tensor::Allocate(part->dtype(), dims);
    tensor_ = Napi::Persistent(NativeTensor::Create(&Environment::Of(env), whole));
  }
  NativeTensor::Unwrap(tensor_.Value())->WriteRows(row, part);
}

Napi::Value NativeRows::GetTensor(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] { return Tensor(info.Env()); });
}

}  // namespace ke::binding
