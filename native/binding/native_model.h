#pragma once

#include <memory>

#include "binding/wrap.h"
#include "model/model_graph.h"

namespace ke::binding {

using ModelRef = std::shared_ptr<const graph::ModelGraph>;

// NativeModel of lib/binding/contract.ts. Each access to a property converts the value again, so callers
// should keep the result.
class NativeModel : public Wrap<NativeModel, ModelRef> {
 public:
  static constexpr const char* kName = "NativeModel";
  static constexpr napi_type_tag kTag = {0x6b657261734d6f64ULL, 0x656c0000a3f1c204ULL};
  static Napi::FunctionReference& Class(Environment* environment) { return environment->model_class; }
  static Napi::Function Define(Napi::Env env);

  explicit NativeModel(const Napi::CallbackInfo& info);
  ~NativeModel() override;

  // Returns the model's graph. Throws FAILED_PRECONDITION after Close.
  const ModelRef& graph() const;

 private:
  Napi::Value GetDrawsRandom(const Napi::CallbackInfo& info);
  Napi::Value GetInputs(const Napi::CallbackInfo& info);
  Napi::Value GetOutputs(const Napi::CallbackInfo& info);
  Napi::Value GetInputTensors(const Napi::CallbackInfo& info);
  Napi::Value GetOutputTensors(const Napi::CallbackInfo& info);
  Napi::Value GetWarnings(const Napi::CallbackInfo& info);
  Napi::Value GetLayers(const Napi::CallbackInfo& info);
  Napi::Value GetWeights(const Napi::CallbackInfo& info);
  Napi::Value TensorSpec(const Napi::CallbackInfo& info);
  Napi::Value LayerOf(const Napi::CallbackInfo& info);
  Napi::Value Weight(const Napi::CallbackInfo& info);
  Napi::Value DependsOn(const Napi::CallbackInfo& info);
  Napi::Value MixesSamples(const Napi::CallbackInfo& info);
  Napi::Value BiasTerms(const Napi::CallbackInfo& info);
  Napi::Value OutputChain(const Napi::CallbackInfo& info);
  Napi::Value LastWithPositions(const Napi::CallbackInfo& info);
  Napi::Value SubModel(const Napi::CallbackInfo& info);
  Napi::Value WriteFrozen(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  void Free();

  Environment* const environment_;
};

}  // namespace ke::binding
