#pragma once

#include <memory>

#include "binding/wrap.h"
#include "control/run_control.h"

namespace ke::binding {

// NativeRun of lib/binding/contract.ts.
class NativeRun : public Wrap<NativeRun, control::RunControlRef> {
 public:
  static constexpr const char* kName = "NativeRun";
  static constexpr napi_type_tag kTag = {0x6b6572617352756eULL, 0x00000000a3f1c202ULL};
  static Napi::FunctionReference& Class(Environment* environment) { return environment->run_class; }
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, kName,
        {InstanceMethod<&NativeRun::Cancel>("cancel"), InstanceMethod<&NativeRun::Progress>("progress")});
  }

  using Wrap::Wrap;

  const control::RunControlRef& control() const { return state_; }

 private:
  void Cancel(const Napi::CallbackInfo&) { state_->Cancel(); }

  Napi::Value Progress(const Napi::CallbackInfo& info) {
    const control::RunControl::Progress progress = state_->progress();
    const Napi::Object object = Napi::Object::New(info.Env());
    object.Set("done", static_cast<double>(progress.done));
    object.Set("total", static_cast<double>(progress.total));
    return object;
  }
};

}  // namespace ke::binding
