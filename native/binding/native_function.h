#pragma once

#include <memory>

#include "binding/wrap.h"
#include "runtime/compiled_function.h"
#include "runtime/strategy.h"

namespace ke::binding {

struct FunctionState {
  std::shared_ptr<runtime::CompiledFunction> function;
  std::shared_ptr<runtime::Strategy> strategy;
};

// NativeFunction of lib/binding/contract.ts.
class NativeFunction : public Wrap<NativeFunction, FunctionState> {
 public:
  static constexpr const char* kName = "NativeFunction";
  static constexpr napi_type_tag kTag = {0x6b65726173466e00ULL, 0x63616c6ca3f1c203ULL};
  static Napi::FunctionReference& Class(Environment* environment) { return environment->function_class; }
  static Napi::Function Define(Napi::Env env);

  explicit NativeFunction(const Napi::CallbackInfo& info);
  ~NativeFunction() override;

 private:
  Napi::Value Run(const Napi::CallbackInfo& info);
  Napi::Value RunNow(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  void CheckOpen() const;
  void Free();

  Environment* const environment_;
};

}  // namespace ke::binding
