#pragma once

#include <memory>

#include "binding/wrap.h"
#include "trace/trace.h"

namespace ke::binding {

struct TraceState {
  std::shared_ptr<trace::Trace> trace;
  // Shared by the whole tree of traces. Set when the trace is compiled, because a background thread then
  // reads the tree.
  std::shared_ptr<bool> sealed;
};

// NativeTrace of lib/binding/contract.ts.
class NativeTrace : public Wrap<NativeTrace, TraceState> {
 public:
  static constexpr const char* kName = "NativeTrace";
  static constexpr napi_type_tag kTag = {0x6b65726173547261ULL, 0x63650000a3f1c205ULL};
  static Napi::FunctionReference& Class(Environment* environment) { return environment->trace_class; }
  static Napi::Function Define(Napi::Env env);

  using Wrap::Wrap;

 private:
  Napi::Value Placeholder(const Napi::CallbackInfo& info);
  Napi::Value Constant(const Napi::CallbackInfo& info);
  Napi::Value Op(const Napi::CallbackInfo& info);
  Napi::Value CallModel(const Napi::CallbackInfo& info);
  Napi::Value Gradient(const Napi::CallbackInfo& info);
  Napi::Value BeginJacobian(const Napi::CallbackInfo& info);
  Napi::Value EndJacobian(const Napi::CallbackInfo& info);
  Napi::Value BeginStack(const Napi::CallbackInfo& info);
  Napi::Value EndStack(const Napi::CallbackInfo& info);
  Napi::Value Body(const Napi::CallbackInfo& info);
  Napi::Value WhileLoop(const Napi::CallbackInfo& info);
  Napi::Value Encode(const Napi::CallbackInfo& info);
  Napi::Value Print(const Napi::CallbackInfo& info);
  Napi::Value Compile(const Napi::CallbackInfo& info);
  Napi::Value BeginNamesWith(const Napi::CallbackInfo& info);
  Napi::Value ToModel(const Napi::CallbackInfo& info);

  // Returns the trace for recording. Throws FAILED_PRECONDITION once the tree is compiled.
  trace::Trace& Recording();
  std::shared_ptr<trace::Trace> Other(Napi::Value value, const std::string& argument);
  Napi::Object Child(Napi::Env env, std::shared_ptr<trace::Trace> trace);
};

}  // namespace ke::binding
