#include "binding/errors.h"

#include <new>

#include "numerics/numerics_op.h"
#include "runtime/executor.h"
#include "tensorflow/error.h"

namespace ke::binding {

namespace {

// Defines an own property of the object. An assignment could call a setter that the program has defined on a
// prototype.
void Define(Napi::Object object, const char* name, Napi::Value value) {
  object.DefineProperty(Napi::PropertyDescriptor::Value(name, value, napi_default_jsproperty));
}

Napi::Value MakeError(Napi::Env env, TF_Code code, const std::string& message, const std::string& op) {
  const auto error = Napi::Error::New(env, message).Value().As<Napi::Object>();
  Define(error, "code", Napi::String::New(env, tf::CodeName(code)));
  Define(error, "op", Napi::String::New(env, op));
  return error;
}

// Returns an error with the property `numerics`: NativeNumerics of lib/binding/contract.ts.
Napi::Value NumericsError(Napi::Env env, const graph::NumericsError& error) {
  const Napi::Object numerics = Napi::Object::New(env);
  const graph::Origin& origin = error.origin();
  Define(numerics, "type", Napi::String::New(env, origin.type));
  Define(numerics, "ofModel", Napi::Boolean::New(env, origin.of_model));
  Define(numerics, "pass", Napi::String::New(env, origin.backward ? "backward" : "forward"));
  Define(numerics, "value", Napi::String::New(env, error.value()));
  const Napi::Value value = MakeError(env, error.code(), error.what(), error.op());
  Define(value.As<Napi::Object>(), "numerics", numerics);
  return value;
}

// Returns an error with the property `worker`: NativeWorkerFailure of lib/binding/contract.ts.
Napi::Value LostError(Napi::Env env, const runtime::WorkerError& error) {
  const Napi::Object worker = Napi::Object::New(env);
  const runtime::WorkerError::Facts& facts = error.facts;
  Define(worker, "name", Napi::String::New(env, facts.worker));
  Define(worker, "reason", Napi::String::New(env, facts.reason));
  Define(worker, "attempts", Napi::Number::New(env, facts.attempts));
  Define(worker, "row", Napi::Number::New(env, static_cast<double>(facts.row)));
  Define(worker, "rows", Napi::Number::New(env, static_cast<double>(facts.rows)));
  const Napi::Value value = MakeError(env, error.code(), error.what(), error.op());
  Define(value.As<Napi::Object>(), "worker", worker);
  return value;
}

// Returns a short text for a value: "undefined", "3.5", "'text'", "an array", "an object", ...
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

Napi::Value ErrorOf(Napi::Env env, std::exception_ptr exception) {
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

}  // namespace

Napi::Value ToJsError(Napi::Env env, std::exception_ptr exception) noexcept {
  try {
    try {
      return ErrorOf(env, std::move(exception));
    } catch (const Napi::Error& error) {
      return error.Value();
    }
  } catch (...) {
    return env.Undefined();
  }
}

void ThrowTypeError(const std::string& argument, const std::string& expected, Napi::Value received) {
  throw Napi::TypeError::New(
      received.Env(), "Expected " + expected + " for " + argument + " but received " + Describe(received));
}

}  // namespace ke::binding
