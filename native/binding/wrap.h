#pragma once

#include <napi.h>

#include <string>
#include <utility>
#include <vector>

#include "binding/environment.h"
#include "binding/errors.h"

namespace ke::binding {

// The base of a class that wraps a native object for JavaScript. T supplies kName, kTag, Class(Environment*),
// a State from which T is made, and the constructor through `using Wrap::Wrap`.
//
// JavaScript cannot construct a T. The type tag refuses an object that only looks like a T, because
// unwrapping a foreign object would read another class's memory.
template <typename T, typename State>
class Wrap : public Napi::ObjectWrap<T> {
 public:
  explicit Wrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<T>(info), state_(TakeState(info)) {
    info.This().As<Napi::Object>().TypeTag(&T::kTag);
  }

  static Napi::Object Create(Environment* environment, State state) {
    environment->construction = &state;
    return T::Class(environment).New({});
  }

  // Returns the native object of `value`. Throws a TypeError naming `argument` if `value` is not a T.
  static T* From(Napi::Value value, const std::string& argument) {
    if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&T::kTag)) {
      ThrowTypeError(argument, std::string("a ") + T::kName, value);
    }
    return T::Unwrap(value.As<Napi::Object>());
  }

 protected:
  // Returns a prototype getter. Node checks the receiver of a method but not of a getter, so the getter
  // checks its receiver.
  template <Napi::Value (T::*get)(const Napi::CallbackInfo&)>
  static Napi::PropertyDescriptor Getter(const char* name) {
    return Napi::PropertyDescriptor::Accessor<&Wrap::Get<get>>(name, napi_enumerable);
  }
  static Napi::Function DefineWithGetters(Napi::Env env,
                                          const std::vector<Napi::ClassPropertyDescriptor<T>>& methods,
                                          const std::vector<Napi::PropertyDescriptor>& getters) {
    const Napi::Function constructor = T::DefineClass(env, T::kName, methods);
    constructor.Get("prototype").As<Napi::Object>().DefineProperties(getters);
    return constructor;
  }

  State state_;

 private:
  template <Napi::Value (T::*get)(const Napi::CallbackInfo&)>
  static Napi::Value Get(const Napi::CallbackInfo& info) {
    return (From(info.This(), "the receiver")->*get)(info);
  }

  static State TakeState(const Napi::CallbackInfo& info) {
    auto* state = static_cast<State*>(std::exchange(Environment::Of(info.Env()).construction, nullptr));
    if (state == nullptr) {
      throw Napi::TypeError::New(info.Env(), std::string(T::kName) + " cannot be constructed by hand");
    }
    return std::move(*state);
  }
};

}  // namespace ke::binding
