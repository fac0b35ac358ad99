#include "binding/native_strategy.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "binding/convert.h"

namespace ke::binding {

using runtime::ReplicaStatus;

namespace {

// The maximum of a count. A larger count is assumed to be a mistake.
constexpr int64_t kMaxCallers = 1024;
constexpr int64_t kMaxMilliseconds = 1 << 30;

const char* StateName(ReplicaStatus::State state) {
  switch (state) {
    case ReplicaStatus::State::kConnecting:
      return "connecting";
    case ReplicaStatus::State::kUp:
      return "up";
    case ReplicaStatus::State::kDown:
      return "down";
    case ReplicaStatus::State::kRefused:
      return "refused";
  }
  return "down";
}

// Returns the count under `key`, or `fallback` if the count is not given.
int64_t ToCount(const Napi::Object& object, const char* key, const std::string& of, int64_t minimum,
                int64_t most, int64_t fallback) {
  const Napi::Value value = object.Get(key);
  if (value.IsUndefined()) return fallback;
  const std::string name = of + "." + key;
  const int64_t count = ToInteger(value, name, minimum);
  if (count > most) ThrowTypeError(name, "at most " + std::to_string(most), value);
  return count;
}

runtime::StrategyOptions ToStrategyOptions(Napi::Value value) {
  const Napi::Object object = ToObject(value, "options");
  const Napi::Value replicas = object.Get("replicas");
  if (!replicas.IsArray()) ThrowTypeError("options.replicas", "an array of replicas", replicas);
  const auto array = replicas.As<Napi::Array>();
  runtime::StrategyOptions options;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const std::string name = "options.replicas[" + std::to_string(i) + "]";
    const Napi::Object each = ToObject(array[i], name);
    runtime::StrategyOptions::Member member;
    member.placement.target = ToText(each.Get("target"), name + ".target");
    member.placement.device = ToText(each.Get("device"), name + ".device");
    member.placement.callers = static_cast<int>(ToCount(each, "callers", name, 0, kMaxCallers, 1));
    member.shards_at_once = ToCount(each, "shardsAtOnce", name, 1, INT32_MAX, 1);
    options.replicas.push_back(std::move(member));
  }
  options.timeout_ms =
      static_cast<int>(ToCount(object, "timeoutMs", "options", 1, kMaxMilliseconds, options.timeout_ms));
  options.retries = static_cast<int>(ToCount(object, "retries", "options", 0, INT32_MAX, options.retries));
  if (const Napi::Value package = object.Get("package"); !package.IsUndefined()) {
    options.package = ToText(package, "options.package");
  }
  return options;
}

Napi::Value FromStatus(Napi::Env env, const ReplicaStatus& status) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("name", status.name);
  object.Set("state", StateName(status.state));
  object.Set("shards", static_cast<double>(status.shards));
  object.Set("failures", static_cast<double>(status.failures));
  object.Set("lastError",
             status.last_error.empty() ? env.Null() : Napi::Value(Napi::String::New(env, status.last_error)));
  return object;
}

}  // namespace

Napi::Function NativeStrategy::Define(Napi::Env env) {
  return DefineClass(
      env, kName,
      {InstanceMethod<&NativeStrategy::Status>("status"), InstanceMethod<&NativeStrategy::Callers>("callers"),
       InstanceMethod<&NativeStrategy::Close>("close")});
}

Napi::Object NativeStrategy::New(Environment* environment, Napi::Value options) {
  return Create(environment, environment->NewStrategy(ToStrategyOptions(options)));
}

NativeStrategy::NativeStrategy(const Napi::CallbackInfo& info)
    : Wrap(info), environment_(&Environment::Of(info.Env())) {}

// Released in the background. Functions may still hold the strategy; the last reference waits for the
// strategy's threads.
NativeStrategy::~NativeStrategy() { environment_->FreeInBackground(std::move(state_)); }

Napi::Value NativeStrategy::Status(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const std::vector<ReplicaStatus> all = state_->status();
    const Napi::Array array = Napi::Array::New(info.Env(), all.size());
    for (uint32_t i = 0; i < all.size(); ++i) array.Set(i, FromStatus(info.Env(), all[i]));
    return array;
  });
}

Napi::Value NativeStrategy::Callers(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const int unknown = static_cast<int>(std::min(kMaxCallers, ToInteger(info[0], "unknown", 1)));
    return Napi::Number::New(info.Env(), static_cast<double>(state_->CallersOr(unknown)));
  });
}

void NativeStrategy::Close(const Napi::CallbackInfo& info) {
  Guarded(info.Env(), [&] {
    // Stopped by a background job, so that the JavaScript thread does not wait for the running shards.
    environment_->InBackground(
        [strategy = state_] {
          strategy->Stop();
          return true;
        },
        [](Napi::Env env, bool) { return env.Undefined(); });
  });
}

}  // namespace ke::binding
