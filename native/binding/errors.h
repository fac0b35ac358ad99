// How native failures become JavaScript's: no C++ exception leaves the addon.
#pragma once

#include <napi.h>

#include <exception>
#include <string>
#include <utility>

namespace ke::binding {

// The JavaScript value to throw or reject with: an Error with `code` and `op` for tf::Error, the value itself
// for a JavaScript exception, RESOURCE_EXHAUSTED where memory ran out, INTERNAL for anything else.
Napi::Value ToJsError(Napi::Env env, std::exception_ptr exception);

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

// Runs the body of an export that returns a promise: whatever goes wrong rejects.
template <typename Body>
Napi::Value Promised(Napi::Env env, Body&& body) {
  try {
    return body();
  } catch (...) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(ToJsError(env, std::current_exception()));
    return deferred.Promise();
  }
}

}  // namespace ke::binding
