#include "binding/graph_parts.h"

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "binding/convert.h"
#include "binding/errors.h"
#include "binding/native_tensor.h"

namespace ke::binding {
namespace {

// Calls visit(item, name) for each object of an array. Returns nothing for an absent array.
template <typename Visit>
void ForEachObject(Napi::Value value, const std::string& argument, Visit visit) {
  if (IsAbsent(value)) return;
  if (!value.IsArray()) ThrowTypeError(argument, "an array", value);
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const std::string name = argument + "[" + std::to_string(i) + "]";
    visit(ToObject(array[i], name), name);
  }
}

std::vector<graph::NamedTensor> ToNamed(Napi::Value value, const std::string& argument) {
  std::vector<graph::NamedTensor> named;
  ForEachObject(value, argument, [&](const Napi::Object& object, const std::string& name) {
    named.push_back(
        {ToText(object.Get("name"), name + ".name"), ToText(object.Get("tensor"), name + ".tensor")});
  });
  return named;
}

std::shared_ptr<TF_Tensor> ToValue(Napi::Value value, const std::string& argument) {
  NativeTensor& tensor = *NativeTensor::From(value, argument);
  runtime::TensorRef memory = tensor.Memory(argument);
  if (memory == nullptr) {
    memory = runtime::Tensor::Allocate(tensor.dtype(), tensor.dims());
    std::memcpy(memory->data(), tensor.bytes(), memory->bytes());
  }
  return {memory, memory->handle()};
}

}  // namespace

GivenGraph ToGivenGraph(Napi::Value value) {
  const Napi::Object object = ToObject(value, "parts");
  GivenGraph given;
  given.parts.path = ToText(object.Get("path"), "parts.path");
  given.parts.graph_def = ToBytes(object.Get("graph"), "parts.graph");
  ForEachObject(object.Get("variables"), "parts.variables",
                [&](const Napi::Object& variable, const std::string& name) {
                  given.parts.variables.emplace(ToText(variable.Get("name"), name + ".name"),
                                                ToValue(variable.Get("value"), name + ".value"));
                });
  given.parts.inputs = ToNamed(object.Get("inputs"), "parts.inputs");
  given.parts.outputs = ToNamed(object.Get("outputs"), "parts.outputs");
  if (const Napi::Value ops = object.Get("allowOps"); !ops.IsUndefined()) {
    given.parts.allow_ops = ToTexts(ops, "parts.allowOps");
  }
  if (const Napi::Value random = object.Get("allowRandom"); !random.IsUndefined()) {
    given.parts.allow_random = random.ToBoolean();
  }
  if (const Napi::Value fingerprint = object.Get("fingerprint"); !fingerprint.IsUndefined()) {
    // Which of two weights of one name gets a number depends on the outputs.
    given.fingerprint = ToText(fingerprint, "parts.fingerprint");
    for (const graph::NamedTensor& output : given.parts.outputs) given.fingerprint += "/" + output.tensor;
  }
  return given;
}

}  // namespace ke::binding
