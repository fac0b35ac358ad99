#pragma once

#include <memory>

#include "binding/wrap.h"
#include "cluster/make_strategy.h"

namespace ke::binding {

using StrategyRef = std::shared_ptr<runtime::Strategy>;

// NativeStrategy of lib/binding/contract.ts.
class NativeStrategy : public Wrap<NativeStrategy, StrategyRef> {
 public:
  static constexpr const char* kName = "NativeStrategy";
  static constexpr napi_type_tag kTag = {0x6b65726173537472ULL, 0x61740000a3f1c206ULL};
  static Napi::FunctionReference& Class(Environment* environment) { return environment->strategy_class; }
  static Napi::Function Define(Napi::Env env);
  // Makes a strategy from NativeStrategyOptions.
  static Napi::Object New(Environment* environment, Napi::Value options);

  explicit NativeStrategy(const Napi::CallbackInfo& info);
  ~NativeStrategy() override;

  const StrategyRef& strategy() const { return state_; }

 private:
  Napi::Value Status(const Napi::CallbackInfo& info);
  Napi::Value Callers(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  Environment* const environment_;
};

}  // namespace ke::binding
