#include "binding/errors.h"

#include <new>

#include "numerics/numerics_op.h"
#include "runtime/executor.h"
#include "tensorflow/error.h"

namespace ke::binding {

namespace {

Napi::Value MakeError(Napi::Env env, TF_Code code, const std::string& message, const std::string& op) {
  const Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, tf::CodeName(code)));
  error.Set("op", Napi::String::New(env, op));
  return error.Value();
}

// With `numerics`: NativeNumerics of lib/binding/contract.ts.
Napi::Value NumericsError(Napi::Env env, const graph::NumericsError& error) {
  const Napi::Object numerics = Napi::Object::New(env);
  const graph::Origin& origin = error.origin();
  numerics.Set("type", origin.type);
  numerics.Set("ofModel", origin.of_model);
  numerics.Set("pass", origin.backward ? "backward" : "forward");
  numerics.Set("value", error.value());
  const Napi::Value value = MakeError(env, error.code(), error.what(), error.op());
  value.As<Napi::Object>().Set("numerics", numerics);
  return value;
}

// With `worker`: NativeWorkerFailure of lib/binding/contract.ts.
Napi::Value LostError(Napi::Env env, const runtime::WorkerError& error) {
  const Napi::Object worker = Napi::Object::New(env);
  const runtime::WorkerError::Facts& facts = error.facts;
  worker.Set("name", facts.worker);
  worker.Set("reason", facts.reason);
  worker.Set("attempts", facts.attempts);
  worker.Set("row", static_cast<double>(facts.row));
  worker.Set("rows", static_cast<double>(facts.rows));
  const Napi::Value value = MakeError(env, error.code(), error.what(), error.op());
  value.As<Napi::Object>().Set("worker", worker);
  return value;
}

// "undefined", "3.5", "'text'", "an array", "an object", ...
std::string Describe(Napi::Value value) {
  if (value.IsEmpty() || value.IsUndefined()) return "undefined";
  if (value.IsNull()) return "null";
  if (value.IsString()) return "'" + value.As<Napi::String>().Utf8Value() + "'";
  if (value.IsNumber() || value.IsBoolean()) return value.ToString().Utf8Value();
  if (value.IsFunction()) return "a function";
  if (value.IsArray()) return "an array of length " + std::to_string(value.As<Napi::Array>().Length());
  if (value.IsObject()) return "an object";
  return "a value of another type";
}

}  // namespace

Napi::Value ToJsError(Napi::Env env, std::exception_ptr exception) {
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const Napi::Error& error) {
    return error.Value();
  } catch (const graph::NumericsError& error) {
    return NumericsError(env, error);
  } catch (const runtime::WorkerError& error) {
    return LostError(env, error);
  } catch (const tf::Error& error) {
    return MakeError(env, error.code(), error.what(), error.op());
  } catch (const std::bad_alloc&) {
    return MakeError(env, TF_RESOURCE_EXHAUSTED, "out of memory", "");
  } catch (const std::exception& error) {
    return MakeError(env, TF_INTERNAL, error.what(), "");
  } catch (...) {
    return MakeError(env, TF_INTERNAL, "an unknown native exception", "");
  }
}

void ThrowTypeError(const std::string& argument, const std::string& expected, Napi::Value received) {
  throw Napi::TypeError::New(
      received.Env(), "Expected " + expected + " for " + argument + " but received " + Describe(received));
}

}  // namespace ke::binding
