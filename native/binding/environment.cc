#include "binding/environment.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace ke::binding {

namespace {

// Loads and compilations that go on at once; each may use several hundred MB.
constexpr int kBackgroundThreads = 2;

bool AllowsExternalBuffers() {
  const char* value = std::getenv("KERAS_EXPLAINABLE_NO_EXTERNAL_BUFFERS");
  return value == nullptr || std::string_view(value) != "1";
}

}  // namespace

Environment::Environment(Napi::Env env)
    : env_(env),
      dispatcher_(env),
      background_(kBackgroundThreads),
      copies_(1),
      external_buffers_(AllowsExternalBuffers()) {
  // After the dispatcher's own hook was added, so called before it: hooks run last to first.
  env.AddCleanupHook([](Environment* self) { self->Stop(); }, this);
  StopOnExit();
}

void Environment::StopOnExit() {
  const Napi::Value process = env_.Global().Get("process");
  if (!process.IsObject()) return;
  const Napi::Value once = process.As<Napi::Object>().Get("once");
  if (!once.IsFunction()) return;
  const auto stop =
      Napi::Function::New(env_, [this](const Napi::CallbackInfo&) { Stop(); }, "keras-explainable");
  once.As<Napi::Function>().Call(process, {Napi::String::New(env_, "exit"), stop});
}

Environment::~Environment() { Stop(); }

std::shared_ptr<runtime::Strategy> Environment::NewStrategy(runtime::StrategyOptions options) {
  auto strategy = std::make_shared<runtime::Strategy>(std::move(options));
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
