#pragma once

#include <memory>

#include "binding/wrap.h"
#include "runtime/cancellation.h"

namespace ke::binding {

// NativeCancellation of lib/binding/contract.ts.
class NativeCancellation : public Wrap<NativeCancellation, std::shared_ptr<runtime::Cancellation>> {
 public:
  static constexpr const char* kName = "NativeCancellation";
  static constexpr napi_type_tag kTag = {0x6b6572617343616eULL, 0x63656c00a3f1c202ULL};
  static Napi::FunctionReference& Class(Environment* environment) { return environment->cancellation_class; }
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, kName, {InstanceMethod<&NativeCancellation::Cancel>("cancel")});
  }

  using Wrap::Wrap;

  runtime::CancellationRef token() const { return state_; }

 private:
  void Cancel(const Napi::CallbackInfo&) { state_->Cancel(); }
};

}  // namespace ke::binding
