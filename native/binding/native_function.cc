#include "binding/native_function.h"

#include <string>
#include <utility>
#include <vector>

#include "binding/convert.h"
#include "binding/native_run.h"
#include "binding/native_tensor.h"

namespace ke::binding {

using runtime::TensorRef;

namespace {

std::vector<TensorRef> ToFeeds(Napi::Value value) {
  if (!value.IsArray()) ThrowTypeError("feeds", "an array of NativeTensors", value);
  const auto array = value.As<Napi::Array>();
  std::vector<TensorRef> feeds;
  feeds.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const std::string name = "feeds[" + std::to_string(i) + "]";
    feeds.push_back(NativeTensor::From(array[i], name)->ForRun(name));
  }
  return feeds;
}

Napi::Value FromOutputs(Napi::Env env, const std::vector<TensorRef>& outputs) {
  const Napi::Array array = Napi::Array::New(env, outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    array.Set(static_cast<uint32_t>(i), NativeTensor::Create(&Environment::Of(env), outputs[i]));
  }
  return array;
}

}  // namespace

Napi::Function NativeFunction::Define(Napi::Env env) {
  return DefineClass(
      env, kName,
      {InstanceMethod<&NativeFunction::Run>("run"), InstanceMethod<&NativeFunction::Close>("close")});
}

NativeFunction::NativeFunction(const Napi::CallbackInfo& info)
    : Wrap(info), environment_(&Environment::Of(info.Env())) {}

NativeFunction::~NativeFunction() { Free(); }

Napi::Value NativeFunction::Run(const Napi::CallbackInfo& info) {
  return Promised(info.Env(), [&]() -> Napi::Value {
    if (state_.function == nullptr) throw tf::Error(TF_FAILED_PRECONDITION, "the function is closed");
    std::vector<TensorRef> feeds = ToFeeds(info[0]);
    const int64_t shard_size = ToInteger(info[1], "shardSize", 1);
    control::RunControlRef control;
    if (!info[2].IsNull() && !info[2].IsUndefined()) control = NativeRun::From(info[2], "run")->control();

    const PendingPromise pending = environment_->NewPromise();
    try {
      state_.function->Run(&environment_->executor(state_.replicas), std::move(feeds), shard_size,
                           std::move(control),
                           [pending](std::vector<TensorRef> outputs, std::exception_ptr error) {
                             if (error != nullptr) {
                               pending.Reject(std::move(error));
                             } else {
                               pending.Resolve([outputs = std::move(outputs)](Napi::Env env) {
                                 return FromOutputs(env, outputs);
                               });
                             }
                           });
    } catch (...) {
      pending.Reject(std::current_exception());
    }
    return pending.promise();
  });
}

void NativeFunction::Close(const Napi::CallbackInfo& info) {
  Guarded(info.Env(), [&] { Free(); });
}

void NativeFunction::Free() {
  if (state_.function != nullptr) environment_->FreeInBackground(std::move(state_.function));
}

}  // namespace ke::binding
