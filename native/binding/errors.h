// How native failures become JavaScript's: no C++ exception leaves the addon.
#pragma once

#include <napi.h>

#include <exception>
#include <string>
#include <utility>

namespace ke::binding {

// The JavaScript value to throw or reject with: an Error with `code` and `op` for tf::Error, the value itself
// for a JavaScript exception, RESOURCE_EXHAUSTED where memory ran out, INTERNAL for anything else. Where that
// Error cannot be made, the value is what prevented it, or undefined.
Napi::Value ToJsError(Napi::Env env, std::exception_ptr exception) noexcept;

// Throws a TypeError: "Expected {expected} for {argument} but received {value}".
[[noreturn]] void ThrowTypeError(const std::string& argument, const std::string& expected,
                                 Napi::Value received);

// Runs the body of a synchronous export; native exceptions leave it as JavaScript's.
template <typename Body>
auto Guarded(Napi::Env env, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw Napi::Error(env, ToJsError(env, std::current_exception()));
  }
}

// Resolves with what `make` returns, or rejects with what it throws. N-API frees the deferred in the call
// that settles it, also where that call fails (while the environment ends): so there is one such call.
template <typename Make>
void Settle(Napi::Env env, const Napi::Promise::Deferred& deferred, Make&& make) noexcept {
  Napi::Value value;
  bool resolves = true;
  try {
    value = make();
  } catch (...) {
    value = ToJsError(env, std::current_exception());
    resolves = false;
  }
  // N-API refuses an empty handle, and would leave the promise pending.
  if (value.IsEmpty()) value = env.Undefined();
  try {
    resolves ? deferred.Resolve(value) : deferred.Reject(value);
  } catch (const Napi::Error&) {
    // Nobody can hear of it: the environment ends.
  }
}

// Runs the body of an export that returns a promise: whatever goes wrong rejects.
template <typename Body>
Napi::Value Promised(Napi::Env env, Body&& body) {
  try {
    return body();
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    const auto deferred = Napi::Promise::Deferred::New(env);
    Settle(env, deferred, [&]() -> Napi::Value { std::rethrow_exception(error); });
    return deferred.Promise();
  }
}

}  // namespace ke::binding
