#include "binding/model_parts.h"

#include <string>
#include <utility>

#include "binding/convert.h"
#include "binding/errors.h"
#include "binding/native_tensor.h"

namespace ke::binding {

namespace {

// Calls `each(object, name)` for the objects of the list `argument` of `parent`.
template <typename Each>
void ForEachObject(const Napi::Object& parent, const std::string& argument, const Each& each) {
  const Napi::Value value = parent.Get(argument);
  if (!value.IsArray()) ThrowTypeError("parts." + argument, "an array", value);
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const std::string name = "parts." + argument + "[" + std::to_string(i) + "]";
    const Napi::HandleScope scope(value.Env());
    each(ToObject(array[i], name), name);
  }
}

std::vector<trace::NamedSymbol> ToNamedSymbols(const Napi::Object& parts, const std::string& argument) {
  std::vector<trace::NamedSymbol> symbols;
  ForEachObject(parts, argument, [&](const Napi::Object& object, const std::string& name) {
    symbols.push_back({ToText(object.Get("name"), name + ".name"), ToId(object.Get("id"), name + ".id")});
  });
  return symbols;
}

// The weight keeps the tensor's memory, which JavaScript may release but must not write from now on.
trace::RecordedWeight ToWeight(const Napi::Object& object, const std::string& name) {
  const std::string value = name + ".value";
  const runtime::TensorRef tensor =
      NativeTensor::From(object.Get("value"), value)->ForRun(value, 0, -1).tensor;
  return {ToText(object.Get("name"), name + ".name"), ToId(object.Get("id"), name + ".id"),
          std::shared_ptr<TF_Tensor>(tensor, tensor->handle())};
}

trace::RecordedLayer ToLayer(const Napi::Object& object, const std::string& name) {
  trace::RecordedLayer layer{ToText(object.Get("name"), name + ".name"),
                             ToTexts(object.Get("path"), name + ".path"),
                             ToText(object.Get("type"), name + ".type"),
                             {},
                             ToTexts(object.Get("weights"), name + ".weights")};
  ForEachObject(object, "calls", [&](const Napi::Object& call, const std::string&) {
    layer.calls.push_back({ToText(call.Get("scope"), name + ".calls.scope"),
                           ToIds(call.Get("inputs"), name + ".calls.inputs"),
                           ToIds(call.Get("outputs"), name + ".calls.outputs")});
  });
  return layer;
}

}  // namespace

trace::ModelParts ToModelParts(Napi::Value value) {
  const Napi::Object object = ToObject(value, "parts");
  trace::ModelParts parts;
  parts.inputs = ToNamedSymbols(object, "inputs");
  parts.outputs = ToNamedSymbols(object, "outputs");
  ForEachObject(object, "weights", [&](const Napi::Object& weight, const std::string& name) {
    parts.weights.push_back(ToWeight(weight, name));
  });
  ForEachObject(object, "layers", [&](const Napi::Object& layer, const std::string& name) {
    parts.layers.push_back(ToLayer(layer, name));
  });
  const Napi::Value fingerprint = object.Get("fingerprint");
  if (!IsAbsent(fingerprint)) parts.fingerprint = ToText(fingerprint, "parts.fingerprint");
  return parts;
}

}  // namespace ke::binding
