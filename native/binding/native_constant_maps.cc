#include "binding/native_constant_maps.h"

#include <functional>
#include <numeric>
#include <vector>

#include "binding/convert.h"
#include "binding/native_tensor.h"
#include "runtime/constant_maps.h"

namespace ke::binding {

Napi::Value CountConstantMaps(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    NativeTensor* const tensor = NativeTensor::From(info[0], "maps");
    const std::vector<int64_t> dims = tensor->dims();
    if (dims.size() < 3) throw tf::Error(TF_INVALID_ARGUMENT, "expected maps (samples, ...positions, units)");
    const runtime::TensorRef memory = tensor->Memory("maps");
    if (memory == nullptr) return info.Env().Null();
    const int64_t positions =
        std::accumulate(dims.begin() + 1, dims.end() - 1, int64_t{1}, std::multiplies<>());
    const runtime::MapSizes sizes{dims.front(), positions, dims.back()};
    const int64_t values = sizes.samples * sizes.units * positions;
    // The reference keeps the memory alive, even if JavaScript releases the tensor meanwhile.
    const auto count = [memory, sizes, values] {
      if (values == 0) return int64_t{0};
      return runtime::CountConstantMaps(memory->data(), memory->bytes() / static_cast<size_t>(values), sizes);
    };
    const auto to_number = [](Napi::Env env, int64_t constant) {
      return Napi::Number::New(env, static_cast<double>(constant));
    };
    return Environment::Of(info.Env()).InCopyThread(count, to_number);
  });
}

}  // namespace ke::binding
