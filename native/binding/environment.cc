#include "binding/environment.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace ke::binding {

namespace {

// The maximum number of concurrent loads and compilations. Each may use several hundred MB.
constexpr int kBackgroundThreads = 2;

bool AllowsExternalBuffers() {
  const char* value = std::getenv("KERAS_EXPLAINABLE_NO_EXTERNAL_BUFFERS");
  return value == nullptr || std::string_view(value) != "1";
}

// Returns the limit that Node's module `buffer` reports. If there is no such report, returns the smallest
// limit among the supported versions of Node.
double MostBufferBytes(Napi::Env env) {
  constexpr double kLeast = 4294967296;
  Napi::Value found = env.Global().Get("process");
  if (!found.IsObject()) return kLeast;
  const Napi::Value module = found.As<Napi::Object>().Get("getBuiltinModule");
  if (!module.IsFunction()) return kLeast;
  found = module.As<Napi::Function>().Call(found, {Napi::String::New(env, "buffer")});
  for (const char* const name : {"constants", "MAX_LENGTH"}) {
    if (!found.IsObject()) return kLeast;
    found = found.As<Napi::Object>().Get(name);
  }
  return found.IsNumber() ? found.As<Napi::Number>().DoubleValue() : kLeast;
}

}  // namespace

StopHook::StopHook(Napi::Env env, Environment* environment) : env_(env), environment_(environment) {
  if (napi_add_env_cleanup_hook(env_, &Run, this) != napi_ok) throw Napi::Error::New(env);
}

StopHook::~StopHook() {
  if (environment_ != nullptr) napi_remove_env_cleanup_hook(env_, &Run, this);
}

void StopHook::Run(void* self) { std::exchange(static_cast<StopHook*>(self)->environment_, nullptr)->Stop(); }

Environment::Environment(Napi::Env env)
    : env_(env),
      dispatcher_(env),
      background_(kBackgroundThreads),
      copies_(1),
      external_buffers_(AllowsExternalBuffers()),
      most_buffer_bytes_(MostBufferBytes(env)),
      hook_(env, this) {}

void Environment::StopOnExit(Napi::Env env) {
  const Napi::Value process = env.Global().Get("process");
  if (!process.IsObject()) return;
  const Napi::Value once = process.As<Napi::Object>().Get("once");
  if (!once.IsFunction()) return;
  const auto stop = [](const Napi::CallbackInfo& info) {
    if (Environment* environment = Find(info.Env())) environment->Stop();
  };
  once.As<Napi::Function>().Call(
      process, {Napi::String::New(env, "exit"), Napi::Function::New(env, stop, "keras-explainable")});
}

Environment::~Environment() { Stop(); }

std::shared_ptr<runtime::Strategy> Environment::NewStrategy(runtime::StrategyOptions options) {
  auto strategy =
      std::shared_ptr<runtime::Strategy>(new runtime::Strategy(runtime::MakeStrategy(std::move(options))));
  strategies_.erase(
      std::remove_if(strategies_.begin(), strategies_.end(), [](const auto& each) { return each.expired(); }),
      strategies_.end());
  strategies_.push_back(strategy);
  return strategy;
}

void Environment::Stop() {
  dispatcher_.Close();
  for (const auto& each : strategies_) {
    if (const auto strategy = each.lock()) strategy->Stop();
  }
  background_.Stop();
  copies_.Stop();
}

}  // namespace ke::binding
