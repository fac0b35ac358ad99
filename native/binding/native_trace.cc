#include "binding/native_trace.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "binding/convert.h"
#include "binding/model_parts.h"
#include "binding/native_function.h"
#include "binding/native_model.h"
#include "binding/native_strategy.h"
#include "runtime/compiled_function.h"
#include "runtime/tensor.h"
#include "tensorflow/dtype.h"
#include "trace/encode.h"
#include "trace/print.h"

namespace ke::binding {

namespace {

// The maximum of a count. A larger count is assumed to be a mistake.
constexpr int64_t kMaxThreads = 1024;

tf::TensorPtr ToTensor(TF_DataType dtype, const std::vector<int64_t>& dims, std::string_view bytes) {
  if (dtype == TF_STRING) {
    if (!dims.empty())
      throw tf::Error(TF_UNIMPLEMENTED, "a string constant must be a scalar: the bytes of one string");
    return runtime::MakeStrings({}, {bytes});
  }
  tf::TensorPtr tensor = tf::AllocateTensor(dtype, dims);
  const size_t expected = tf::C().TF_TensorByteSize(tensor.get());
  if (bytes.size() != expected) {
    throw tf::Error(TF_INVALID_ARGUMENT, "a constant of dtype " + tf::DTypeName(dtype) + " and shape " +
                                             graph::ToString(graph::Shape::Of(dims)) + " has " +
                                             std::to_string(expected) + " bytes; received " +
                                             std::to_string(bytes.size()));
  }
  if (expected > 0) std::memcpy(tf::C().TF_TensorData(tensor.get()), bytes.data(), expected);
  return tensor;
}

std::vector<trace::OpInput> ToOpInputs(Napi::Value value) {
  if (!value.IsArray()) ThrowTypeError("inputs", "an array of symbol ids and arrays of them", value);
  const auto array = value.As<Napi::Array>();
  std::vector<trace::OpInput> inputs;
  inputs.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value input = array[i];
    const std::string name = "inputs[" + std::to_string(i) + "]";
    if (input.IsArray()) {
      inputs.emplace_back(ToIds(input, name));
    } else {
      inputs.emplace_back(ToId(input, name));
    }
  }
  return inputs;
}

trace::Attrs ToAttrs(Napi::Value value) {
  const Napi::Object object = ToObject(value, "attrs");
  trace::Attrs attrs;
  const Napi::Array keys = object.GetPropertyNames();
  for (uint32_t i = 0; i < keys.Length(); ++i) {
    const std::string key = Napi::Value(keys[i]).ToString();
    attrs.emplace(key, ToAttr(object.Get(key), "attrs." + key));
  }
  return attrs;
}

// Returns the flag `name`; false if the flag is not given.
bool ToFlag(const Napi::Object& options, const std::string& name) {
  const Napi::Value value = options.Get(name);
  if (value.IsUndefined()) return false;
  if (!value.IsBoolean()) ThrowTypeError("options." + name, "a boolean", value);
  return value.As<Napi::Boolean>();
}

runtime::SessionConfig ToSessionConfig(const Napi::Object& options) {
  runtime::SessionConfig config;
  const Napi::Value intra_op = options.Get("intraOp");
  const int64_t count = ToInteger(intra_op, "options.intraOp", 1);
  if (count > kMaxThreads) {
    ThrowTypeError("options.intraOp", "at most " + std::to_string(kMaxThreads), intra_op);
  }
  config.intra_op = static_cast<int>(count);
  config.check_numerics = ToFlag(options, "checkNumerics");
  config.bfloat16 = ToFlag(options, "bfloat16");
  config.jit_compile = ToFlag(options, "jitCompile");
  return config;
}

}  // namespace

Napi::Function NativeTrace::Define(Napi::Env env) {
  return DefineClass(
      env, kName,
      {InstanceMethod<&NativeTrace::Placeholder>("placeholder"),
       InstanceMethod<&NativeTrace::Constant>("constant"), InstanceMethod<&NativeTrace::Op>("op"),
       InstanceMethod<&NativeTrace::CallModel>("callModel"),
       InstanceMethod<&NativeTrace::Gradient>("gradient"),
       InstanceMethod<&NativeTrace::BeginJacobian>("beginJacobian"),
       InstanceMethod<&NativeTrace::EndJacobian>("endJacobian"),
       InstanceMethod<&NativeTrace::BeginStack>("beginStack"),
       InstanceMethod<&NativeTrace::EndStack>("endStack"), InstanceMethod<&NativeTrace::Body>("body"),
       InstanceMethod<&NativeTrace::WhileLoop>("whileLoop"), InstanceMethod<&NativeTrace::Encode>("encode"),
       InstanceMethod<&NativeTrace::Print>("print"), InstanceMethod<&NativeTrace::Compile>("compile"),
       InstanceMethod<&NativeTrace::BeginNamesWith>("beginNamesWith"),
       InstanceMethod<&NativeTrace::ToModel>("toModel")});
}

trace::Trace& NativeTrace::Recording() {
  if (*state_.sealed)
    throw tf::Error(TF_FAILED_PRECONDITION, "the trace is compiled: it records no more ops");
  return *state_.trace;
}

std::shared_ptr<trace::Trace> NativeTrace::Other(Napi::Value value, const std::string& argument) {
  NativeTrace* other = From(value, argument);
  if (other->state_.sealed != state_.sealed) {
    throw tf::Error(TF_INVALID_ARGUMENT, argument + " belongs to another trace");
  }
  return other->state_.trace;
}

Napi::Object NativeTrace::Child(Napi::Env env, std::shared_ptr<trace::Trace> trace) {
  return Create(&Environment::Of(env), {std::move(trace), state_.sealed});
}

Napi::Value NativeTrace::Placeholder(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    const TF_DataType dtype = ToDType(info[0], "dtype");
    const graph::Shape shape = ToShape(info[1], "shape");
    return FromSymbol(info.Env(), Recording().Placeholder(dtype, shape, ToText(info[2], "name")));
  });
}

Napi::Value NativeTrace::Constant(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    const TF_DataType dtype = ToDType(info[0], "dtype");
    const std::vector<int64_t> dims = ToDims(info[1], "shape");
    return FromSymbol(info.Env(), Recording().Constant(ToTensor(dtype, dims, ToBytes(info[2], "data"))));
  });
}

Napi::Value NativeTrace::Op(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    const std::string type = ToText(info[0], "type");
    return FromSymbols(info.Env(), Recording().Op(type, ToOpInputs(info[1]), ToAttrs(info[2])));
  });
}

Napi::Value NativeTrace::CallModel(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    const ModelRef model = NativeModel::From(info[0], "model")->graph();
    return FromSymbols(info.Env(),
                       Recording().CallModel(model, ToIds(info[1], "inputs"), ToTexts(info[2], "outputs")));
  });
}

Napi::Value NativeTrace::Gradient(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    return FromSymbols(
        info.Env(), Recording().Gradient(ToIds(info[0], "ys"), ToIds(info[1], "xs"), ToIds(info[2], "gradYs"),
                                         ToTextMap(info[3], "override")));
  });
}

Napi::Value NativeTrace::BeginJacobian(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const trace::Trace::Jacobian jacobian =
        Recording().BeginJacobian(ToId(info[0], "ys"), ToIds(info[1], "xs"), ToTextMap(info[2], "override"));
    const Napi::Object object = Napi::Object::New(info.Env());
    object.Set("body", Child(info.Env(), jacobian.body));
    object.Set("gradients", FromSymbols(info.Env(), jacobian.gradients));
    return object;
  });
}

Napi::Value NativeTrace::EndJacobian(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    const auto body = Other(info[0], "body");
    return FromSymbol(info.Env(), Recording().EndJacobian(body, ToId(info[1], "value")));
  });
}

Napi::Value NativeTrace::BeginStack(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const trace::Trace::Stack stack = Recording().BeginStack(ToId(info[0], "count"));
    const Napi::Object object = Napi::Object::New(info.Env());
    object.Set("body", Child(info.Env(), stack.body));
    object.Set("index", FromSymbol(info.Env(), stack.index));
    return object;
  });
}

Napi::Value NativeTrace::EndStack(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    const auto body = Other(info[0], "body");
    return FromSymbol(info.Env(), Recording().EndStack(body, ToId(info[1], "value")));
  });
}

Napi::Value NativeTrace::Body(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value { return Child(info.Env(), Recording().Body()); });
}

Napi::Value NativeTrace::WhileLoop(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] {
    const auto condition = Other(info[0], "condition");
    const trace::SymbolId condition_result = ToId(info[1], "conditionResult");
    const auto body = Other(info[2], "body");
    const std::vector<trace::SymbolId> results = ToIds(info[3], "bodyResults");
    const std::vector<trace::SymbolId> initial = ToIds(info[4], "initial");
    return FromSymbols(info.Env(), Recording().While(condition, condition_result, body, results, initial,
                                                     ToId(info[5], "count")));
  });
}

Napi::Value NativeTrace::Encode(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const std::string bytes = trace::Encode(state_.trace->Simplified(ToIds(info[0], "fetches")));
    return Napi::Buffer<char>::Copy(info.Env(), bytes.data(), bytes.size());
  });
}

Napi::Value NativeTrace::Print(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    const trace::Trace& trace = *state_.trace;
    return Napi::String::New(info.Env(), IsAbsent(info[0])
                                             ? trace::Print(trace.recorded())
                                             : trace::Print(trace.Simplified(ToIds(info[0], "fetches"))));
  });
}

Napi::Value NativeTrace::Compile(const Napi::CallbackInfo& info) {
  return Promised(info.Env(), [&]() -> Napi::Value {
    const std::vector<trace::SymbolId> fetches = ToIds(info[0], "fetches");
    const Napi::Object options = ToObject(info[1], "options");
    std::vector<int32_t> whole_feeds;
    if (!IsAbsent(info[2])) whole_feeds = ToIds(info[2], "wholeFeeds");
    runtime::SessionConfig config = ToSessionConfig(options);
    const StrategyRef strategy =
        NativeStrategy::From(options.Get("strategy"), "options.strategy")->strategy();
    config.turns_at_once = strategy->TurnsAtOnce();
    const Napi::Value logits = options.Get("logits");
    const size_t exact = logits.IsUndefined() ? runtime::CompiledFunction::kAllFetches
                                              : static_cast<size_t>(ToInteger(logits, "options.logits", 0));
    Recording();
    *state_.sealed = true;
    Environment& environment = Environment::Of(info.Env());
    return environment.InBackground(
        [trace = state_.trace, fetches, config, strategy, whole_feeds = std::move(whole_feeds), exact] {
          auto function = runtime::CompiledFunction::Compile(
              *trace, fetches, {config, strategy->remote(), whole_feeds, exact});
          function->Prepare(*strategy);
          return function;
        },
        [strategy](Napi::Env env, const std::shared_ptr<runtime::CompiledFunction>& function) {
          return NativeFunction::Create(&Environment::Of(env), {function, strategy});
        });
  });
}

Napi::Value NativeTrace::BeginNamesWith(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    Recording().BeginNamesWith(ToText(info[0], "scope"));
    return info.Env().Undefined();
  });
}

Napi::Value NativeTrace::ToModel(const Napi::CallbackInfo& info) {
  return Promised(info.Env(), [&]() -> Napi::Value {
    Recording();
    auto parts = std::make_shared<const trace::ModelParts>(ToModelParts(info[0]));
    *state_.sealed = true;
    return Environment::Of(info.Env())
        .InBackground([trace = state_.trace, parts] { return trace::ToModel(trace->recorded(), *parts); },
                      [](Napi::Env env, const ModelRef& model) {
                        return NativeModel::Create(&Environment::Of(env), model);
                      });
  });
}

}  // namespace ke::binding
