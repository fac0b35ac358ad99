#include "binding/native_find_not_finite.h"

#include <functional>
#include <numeric>
#include <vector>

#include "binding/convert.h"
#include "binding/native_tensor.h"
#include "runtime/find_not_finite.h"

namespace ke::binding {

Napi::Value FindNotFinite(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NativeTensor* const tensor = NativeTensor::From(info[0], "tensor");
    const runtime::TensorRef memory = tensor->Memory("tensor");
    if (memory == nullptr) return info.Env().Null();
    const std::vector<int64_t>& dims = tensor->dims();
    const int64_t count = std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
    // The reference keeps the memory alive, even if JavaScript releases the tensor meanwhile.
    const auto find = [memory, count] {
      return runtime::FindNotFinite(memory->dtype(), memory->data(), count);
    };
    const auto to_number = [](Napi::Env env, int64_t index) {
      return Napi::Number::New(env, static_cast<double>(index));
    };
    return Environment::Of(info.Env()).InCopyThread(find, to_number);
  });
}

}  // namespace ke::binding
