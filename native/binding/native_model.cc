#include "binding/native_model.h"

#include <string>
#include <utility>

#include "binding/convert.h"
#include "binding/native_tensor.h"
#include "model/output_chain.h"

namespace ke::binding {

namespace {

Napi::Value FromLayer(Napi::Env env, const graph::LayerRecord& layer) {
  const Napi::Array calls = Napi::Array::New(env, layer.calls.size());
  for (size_t i = 0; i < layer.calls.size(); ++i) {
    const Napi::Object call = Napi::Object::New(env);
    call.Set("inputs", FromTexts(env, layer.calls[i].inputs));
    call.Set("outputs", FromTexts(env, layer.calls[i].outputs));
    calls.Set(static_cast<uint32_t>(i), call);
  }
  const Napi::Object object = Napi::Object::New(env);
  object.Set("name", layer.name);
  object.Set("path", FromTexts(env, layer.path));
  object.Set("type", layer.type);
  object.Set("calls", calls);
  object.Set("weights", FromTexts(env, layer.weights));
  return object;
}

const char* KindName(graph::BiasTerm::Kind kind) {
  switch (kind) {
    case graph::BiasTerm::Kind::kSubtract:
      return "subtract";
    case graph::BiasTerm::Kind::kBatchNorm:
      return "batchNorm";
    default:
      return "add";
  }
}

Napi::Value FromBiasTerm(Napi::Env env, const graph::BiasTerm& term) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("tensor", term.tensor);
  object.Set("kind", KindName(term.kind));
  object.Set("operands", FromTexts(env, term.operands));
  object.Set("epsilon", static_cast<double>(term.epsilon));
  object.Set("axis", term.axis);
  return object;
}

const char* KindName(graph::ChainLink::Kind kind) {
  switch (kind) {
    case graph::ChainLink::Kind::kView:
      return "view";
    case graph::ChainLink::Kind::kSoftmax:
      return "softmax";
    case graph::ChainLink::Kind::kSigmoid:
      return "sigmoid";
    default:
      return "other";
  }
}

// Returns the inputs that the caller feeds.
template <typename T>
std::vector<T> WithoutSeed(const graph::ModelGraph& model, std::vector<T> inputs) {
  if (model.draws_random()) inputs.pop_back();
  return inputs;
}

}  // namespace

Napi::Function NativeModel::Define(Napi::Env env) {
  return DefineWithGetters(
      env,
      {InstanceMethod<&NativeModel::TensorSpec>("tensorSpec"), InstanceMethod<&NativeModel::Weight>("weight"),
       InstanceMethod<&NativeModel::LayerOf>("layerOf"), InstanceMethod<&NativeModel::DependsOn>("dependsOn"),
       InstanceMethod<&NativeModel::MixesSamples>("mixesSamples"),
       InstanceMethod<&NativeModel::BiasTerms>("biasTerms"),
       InstanceMethod<&NativeModel::OutputChain>("outputChain"),
       InstanceMethod<&NativeModel::LastWithPositions>("lastWithPositions"),
       InstanceMethod<&NativeModel::SubModel>("subModel"),
       InstanceMethod<&NativeModel::WriteFrozen>("writeFrozen"),
       InstanceMethod<&NativeModel::Close>("close")},
      {Getter<&NativeModel::GetDrawsRandom>("drawsRandom"), Getter<&NativeModel::GetInputs>("inputs"),
       Getter<&NativeModel::GetOutputs>("outputs"), Getter<&NativeModel::GetInputTensors>("inputTensors"),
       Getter<&NativeModel::GetOutputTensors>("outputTensors"), Getter<&NativeModel::GetWarnings>("warnings"),
       Getter<&NativeModel::GetLayers>("layers"), Getter<&NativeModel::GetWeights>("weights")});
}

NativeModel::NativeModel(const Napi::CallbackInfo& info)
    : Wrap(info), environment_(&Environment::Of(info.Env())) {}

NativeModel::~NativeModel() { Free(); }

const ModelRef& NativeModel::graph() const {
  if (state_ == nullptr) throw tf::Error(TF_FAILED_PRECONDITION, "the model is closed");
  return state_;
}

Napi::Value NativeModel::GetDrawsRandom(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] { return Napi::Boolean::New(info.Env(), graph()->draws_random()); });
}

Napi::Value NativeModel::GetInputs(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] { return FromSpecs(info.Env(), WithoutSeed(*graph(), graph()->inputs())); });
}

Napi::Value NativeModel::GetOutputs(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] { return FromSpecs(info.Env(), graph()->outputs()); });
}

Napi::Value NativeModel::GetInputTensors(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(),
                 [&] { return FromTexts(info.Env(), WithoutSeed(*graph(), graph()->input_tensors())); });
}

Napi::Value NativeModel::GetOutputTensors(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] { return FromTexts(info.Env(), graph()->output_tensors()); });
}

Napi::Value NativeModel::GetWarnings(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] { return FromTexts(info.Env(), graph()->warnings()); });
}

Napi::Value NativeModel::GetLayers(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const std::vector<graph::LayerRecord>& layers = graph()->layers();
    const Napi::Array array = Napi::Array::New(info.Env(), layers.size());
    for (size_t i = 0; i < layers.size(); ++i)
      array.Set(static_cast<uint32_t>(i), FromLayer(info.Env(), layers[i]));
    return array;
  });
}

Napi::Value NativeModel::GetWeights(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] { return FromSpecs(info.Env(), graph()->weights()); });
}

Napi::Value NativeModel::TensorSpec(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const graph::TensorSpec* spec = graph()->FindTensor(ToText(info[0], "name"));
    return spec == nullptr ? info.Env().Null() : FromSpec(info.Env(), *spec);
  });
}

Napi::Value NativeModel::LayerOf(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const graph::LayerRecord* layer = graph()->LayerOf(ToText(info[0], "node"));
    return layer == nullptr ? info.Env().Null() : FromTexts(info.Env(), layer->path);
  });
}

Napi::Value NativeModel::Weight(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const std::string name = ToText(info[0], "name");
    const TF_Tensor* weight = graph()->FindWeight(name);
    if (weight == nullptr) throw tf::Error(TF_NOT_FOUND, "the model has no weight '" + name + "'", name);
    return NativeTensor::Create(environment_, runtime::Copy(weight));
  });
}

Napi::Value NativeModel::DependsOn(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const bool depends = graph()->DependsOn(ToTexts(info[0], "outputs"), ToTexts(info[1], "from"));
    return Napi::Boolean::New(info.Env(), depends);
  });
}

Napi::Value NativeModel::MixesSamples(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    return Napi::Boolean::New(info.Env(), graph()->MixesSamples(ToTexts(info[0], "outputs")));
  });
}

Napi::Value NativeModel::BiasTerms(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const std::vector<graph::BiasTerm> terms =
        graph()->BiasTerms(ToTexts(info[0], "outputs"), ToTexts(info[1], "within"));
    const Napi::Array array = Napi::Array::New(info.Env(), terms.size());
    for (size_t i = 0; i < terms.size(); ++i)
      array.Set(static_cast<uint32_t>(i), FromBiasTerm(info.Env(), terms[i]));
    return array;
  });
}

Napi::Value NativeModel::OutputChain(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const std::vector<graph::ChainLink> links = graph()->OutputChain(ToText(info[0], "output"));
    const Napi::Array array = Napi::Array::New(info.Env(), links.size());
    for (size_t i = 0; i < links.size(); ++i) {
      const Napi::Object link = Napi::Object::New(info.Env());
      link.Set("tensor", links[i].tensor);
      link.Set("kind", KindName(links[i].kind));
      array.Set(static_cast<uint32_t>(i), link);
    }
    return array;
  });
}

Napi::Value NativeModel::LastWithPositions(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const std::string tensor = graph()->LastWithPositions(ToText(info[0], "output"));
    return tensor.empty() ? info.Env().Null() : Napi::String::New(info.Env(), tensor);
  });
}

Napi::Value NativeModel::SubModel(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const auto cuts = [&](Napi::Value tensors, Napi::Value names, const std::string& argument) {
      const std::vector<std::string> from = ToTexts(tensors, argument);
      const std::vector<std::string> as = ToTexts(names, argument + "Names");
      if (from.size() != as.size()) {
        throw tf::Error(TF_INVALID_ARGUMENT, "expected as many names as " + argument);
      }
      std::vector<std::pair<std::string, std::string>> pairs;
      for (size_t i = 0; i < from.size(); ++i) pairs.emplace_back(from[i], as[i]);
      return pairs;
    };
    const auto inputs = cuts(info[0], info[1], "inputs");
    const auto outputs = cuts(info[2], info[3], "outputs");
    return Create(environment_, graph()->SubModel(inputs, outputs));
  });
}

Napi::Value NativeModel::WriteFrozen(const Napi::CallbackInfo& info) {
  return Promised(info.Env(), [&]() -> Napi::Value {
    return environment_->InBackground(
        [model = graph(), path = ToText(info[0], "path")] {
          model->WriteFrozen(path);
          return true;
        },
        [](Napi::Env env, bool) { return env.Undefined(); });
  });
}

void NativeModel::Close(const Napi::CallbackInfo& info) {
  Guarded(info.Env(), [&] { Free(); });
}

void NativeModel::Free() {
  if (state_ != nullptr) environment_->FreeInBackground(std::move(state_));
}

}  // namespace ke::binding
