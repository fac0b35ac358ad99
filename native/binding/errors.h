// The conversion of native exceptions to JavaScript errors. No C++ exception leaves the addon.
#pragma once

#include <napi.h>

#include <exception>
#include <string>
#include <utility>

namespace ke::binding {

// Returns the JavaScript value to throw or reject with: an Error with `code` and `op` for a tf::Error, the
// value itself for a JavaScript exception, RESOURCE_EXHAUSTED if memory ran out, INTERNAL for any other
// exception. If the Error cannot be made, returns the JavaScript exception that prevented it, or undefined.
Napi::Value ToJsError(Napi::Env env, std::exception_ptr exception) noexcept;

// Throws a TypeError: "Expected {expected} for {argument} but received {value}".
[[noreturn]] void ThrowTypeError(const std::string& argument, const std::string& expected,
                                 Napi::Value received);

// Runs the body of a synchronous export. Native exceptions are rethrown as JavaScript exceptions.
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

// Resolves with the result of `make`, or rejects with the exception of `make`. N-API frees the deferred in
// the call that settles it, even if the call fails because the environment ends. Therefore Settle makes only
// one such call.
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
  // N-API refuses an empty handle, and the promise would stay pending.
  if (value.IsEmpty()) value = env.Undefined();
  try {
    resolves ? deferred.Resolve(value) : deferred.Reject(value);
  } catch (const Napi::Error&) {
    return;  // the environment is ending, so no JavaScript code can receive the error
  }
}

// Runs the body of an export that returns a promise. Every exception rejects the promise.
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
