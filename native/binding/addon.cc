// The exports of the addon. lib/binding/contract.ts lists and documents the exports.
#include <napi.h>

#include "binding/convert.h"
#include "binding/copy_rows.h"
#include "binding/environment.h"
#include "binding/graph_parts.h"
#include "binding/native_constant_maps.h"
#include "binding/native_find_not_finite.h"
#include "binding/native_function.h"
#include "binding/native_model.h"
#include "binding/native_rows.h"
#include "binding/native_run.h"
#include "binding/native_strategy.h"
#include "binding/native_tensor.h"
#include "binding/native_trace.h"
#include "cluster/server.h"
#include "runtime/memory.h"
#include "runtime/memory_check.h"
#include "runtime/process.h"
#include "tensorflow/library.h"

namespace ke::binding {

namespace {

graph::LoadOptions ToLoadOptions(Napi::Value value) {
  const Napi::Object object = ToObject(value, "options");
  const auto given = [&](const char* key) { return !object.Get(key).IsUndefined(); };
  graph::LoadOptions options;
  options.path = ToText(object.Get("path"), "options.path");
  if (given("signature")) options.signature = ToText(object.Get("signature"), "options.signature");
  if (given("tags")) options.tags = ToTexts(object.Get("tags"), "options.tags");
  if (given("inputs")) options.inputs = ToTexts(object.Get("inputs"), "options.inputs");
  if (given("allowOps")) options.allow_ops = ToTexts(object.Get("allowOps"), "options.allowOps");
  if (given("allowRandom")) options.allow_random = object.Get("allowRandom").ToBoolean();
  if (given("fingerprint")) options.fingerprint = ToText(object.Get("fingerprint"), "options.fingerprint");
  if (given("outputs")) options.outputs = ToTexts(object.Get("outputs"), "options.outputs");
  return options;
}

runtime::GpuOptions ToGpuOptions(Napi::Value value) {
  const Napi::Object object = ToObject(value, "options");
  runtime::GpuOptions options;
  if (const Napi::Value growth = object.Get("memoryGrowth"); !growth.IsUndefined()) {
    if (!growth.IsBoolean()) ThrowTypeError("options.memoryGrowth", "a boolean", growth);
    options.memory_growth = growth.As<Napi::Boolean>();
  }
  if (const Napi::Value fraction = object.Get("memoryFraction"); !fraction.IsUndefined()) {
    const double share = fraction.IsNumber() ? fraction.As<Napi::Number>().DoubleValue() : 0;
    if (!(share > 0 && share <= 1)) ThrowTypeError("options.memoryFraction", "a number in (0, 1]", fraction);
    options.memory_fraction = share;
  }
  if (const Napi::Value visible = object.Get("visibleDevices"); !visible.IsUndefined()) {
    options.visible_devices = ToText(visible, "options.visibleDevices");
  }
  return options;
}

runtime::ServerOptions ToServerOptions(Napi::Value value) {
  const Napi::Object object = ToObject(value, "options");
  const auto integer = [&](const char* key, int64_t most, int* into) {
    const Napi::Value given = object.Get(key);
    if (given.IsUndefined()) return;
    const std::string name = std::string("options.") + key;
    const int64_t number = ToInteger(given, name, 1);
    if (number > most) ThrowTypeError(name, "at most " + std::to_string(most), given);
    *into = static_cast<int>(number);
  };
  runtime::ServerOptions options;
  if (object.Get("port").IsUndefined()) ThrowTypeError("options.port", "a port", object.Get("port"));
  integer("port", 65535, &options.port);
  integer("threads", 1024, &options.threads);
  integer("intraOp", 1024, &options.intra_op);
  integer("cpus", 1024, &options.cpus);
  options.package = ToText(object.Get("package"), "options.package");
  return options;
}

Napi::Value FromDevices(Napi::Env env, const std::vector<runtime::Session::Device>& devices) {
  const Napi::Array array = Napi::Array::New(env, devices.size());
  for (uint32_t i = 0; i < devices.size(); ++i) {
    const Napi::Object device = Napi::Object::New(env);
    device.Set("name", devices[i].name);
    device.Set("type", devices[i].type);
    device.Set("memoryBytes", static_cast<double>(devices[i].memory_bytes));
    array.Set(i, device);
  }
  return array;
}

void RequireLibrary() {
  if (!tf::IsLoaded()) {
    throw tf::Error(TF_FAILED_PRECONDITION, "TensorFlow's library is not loaded: call loadLibrary first");
  }
}

}  // namespace

class KerasExplainableAddon : public Napi::Addon<KerasExplainableAddon> {
 public:
  KerasExplainableAddon(Napi::Env env, Napi::Object exports) : environment_(env) {
    environment_.tensor_class = Napi::Persistent(NativeTensor::Define(env));
    environment_.model_class = Napi::Persistent(NativeModel::Define(env));
    environment_.trace_class = Napi::Persistent(NativeTrace::Define(env));
    environment_.function_class = Napi::Persistent(NativeFunction::Define(env));
    environment_.strategy_class = Napi::Persistent(NativeStrategy::Define(env));
    environment_.run_class = Napi::Persistent(NativeRun::Define(env));
    environment_.rows_class = Napi::Persistent(NativeRows::Define(env));
    DefineAddon(exports, {Export<&KerasExplainableAddon::LibraryVersion>("libraryVersion"),
                          Export<&KerasExplainableAddon::LoadLibrary>("loadLibrary"),
                          Export<&KerasExplainableAddon::LoadedPath>("loadedPath"),
                          Export<&KerasExplainableAddon::HasAvx>("hasAvx"),
                          Export<&KerasExplainableAddon::LoadModel>("loadModel"),
                          Export<&KerasExplainableAddon::LoadGraph>("loadGraph"),
                          Export<&KerasExplainableAddon::CreateTrace>("createTrace"),
                          Export<&KerasExplainableAddon::Allocate>("allocate"),
                          Export<&KerasExplainableAddon::CopyRows>("copyRows"),
                          Export<&KerasExplainableAddon::FindNotFinite>("findNotFinite"),
                          Export<&KerasExplainableAddon::CountConstantMaps>("countConstantMaps"),
                          Export<&KerasExplainableAddon::CreateRows>("createRows"),
                          Export<&KerasExplainableAddon::CreateRun>("createRun"),
                          Export<&KerasExplainableAddon::CreateStrategy>("createStrategy"),
                          Export<&KerasExplainableAddon::ListDevices>("listDevices"),
                          Export<&KerasExplainableAddon::ConfigureGpus>("configureGpus"),
                          Export<&KerasExplainableAddon::StartServer>("startServer"),
                          Export<&KerasExplainableAddon::SetMemoryLimit>("setMemoryLimit"),
                          Export<&KerasExplainableAddon::Memory>("memory")});
    Environment::StopOnExit(env);
  }

  Environment& environment() { return environment_; }

 private:
  template <Napi::Value (KerasExplainableAddon::*method)(const Napi::CallbackInfo&)>
  static AddonProp Export(const char* name) {
    return InstanceMethod<method>(name, napi_enumerable);
  }

  // Returns a promise of the text that `work` returns on a background thread. The argument of `work` is the
  // library's path, the export's first argument.
  template <typename Work>
  Napi::Value OfLibrary(const Napi::CallbackInfo& info, Work work) {
    return Promised(info.Env(), [&]() -> Napi::Value {
      const std::string path = ToText(info[0], "path");
      // TensorFlow's libraries read the environment when they are opened.
      if (!tf::IsLoaded()) runtime::PrepareTensorFlowEnvironment();
      return environment_.InBackground(
          [path, work] { return work(path); },
          [](Napi::Env env, const std::string& version) { return Napi::String::New(env, version); });
    });
  }

  Napi::Value LibraryVersion(const Napi::CallbackInfo& info) { return OfLibrary(info, tf::LibraryVersion); }

  Napi::Value LoadLibrary(const Napi::CallbackInfo& info) { return OfLibrary(info, runtime::LoadTensorFlow); }

  Napi::Value SetMemoryLimit(const Napi::CallbackInfo& info) {
    return Guarded(info.Env(), [&]() -> Napi::Value {
      runtime::SetMemoryLimit(ToInteger(info[0], "bytes", 0));
      return info.Env().Undefined();
    });
  }

  Napi::Value HasAvx(const Napi::CallbackInfo& info) {
#if defined(__x86_64__) && defined(__GNUC__)
    return Napi::Boolean::New(info.Env(), __builtin_cpu_supports("avx") != 0);
#else
    return info.Env().Null();
#endif
  }

  Napi::Value LoadedPath(const Napi::CallbackInfo& info) {
    return Guarded(info.Env(), [&]() -> Napi::Value {
      return tf::IsLoaded() ? Napi::String::New(info.Env(), tf::LoadedPath()) : info.Env().Null();
    });
  }

  Napi::Value LoadModel(const Napi::CallbackInfo& info) {
    return Promised(info.Env(), [&]() -> Napi::Value {
      RequireLibrary();
      return environment_.InBackground(
          [options = ToLoadOptions(info[0])] { return graph::ModelGraph::Load(options); },
          [](Napi::Env env, const ModelRef& model) {
            return NativeModel::Create(&Environment::Of(env), model);
          });
    });
  }

  Napi::Value LoadGraph(const Napi::CallbackInfo& info) {
    return Promised(info.Env(), [&]() -> Napi::Value {
      RequireLibrary();
      auto given = std::make_shared<const GivenGraph>(ToGivenGraph(info[0]));
      return environment_.InBackground(
          [given] {
            return graph::ModelGraph::Of(graph::ImportGraphParts(given->parts), given->fingerprint);
          },
          [](Napi::Env env, const ModelRef& model) {
            return NativeModel::Create(&Environment::Of(env), model);
          });
    });
  }

  Napi::Value CreateTrace(const Napi::CallbackInfo& info) {
    return Guarded(info.Env(), [&]() -> Napi::Value {
      RequireLibrary();
      return NativeTrace::Create(&environment_, {trace::Trace::Create(), std::make_shared<bool>(false)});
    });
  }

  Napi::Value Allocate(const Napi::CallbackInfo& info) {
    return Guarded(info.Env(), [&]() -> Napi::Value {
      RequireLibrary();
      const TF_DataType dtype = ToDType(info[0], "dtype");
      return NativeTensor::Create(&environment_, runtime::Tensor::Allocate(dtype, ToDims(info[1], "shape")));
    });
  }

  Napi::Value CopyRows(const Napi::CallbackInfo& info) { return binding::CopyRows(info); }
  Napi::Value FindNotFinite(const Napi::CallbackInfo& info) { return binding::FindNotFinite(info); }
  Napi::Value CountConstantMaps(const Napi::CallbackInfo& info) { return binding::CountConstantMaps(info); }

  Napi::Value CreateRows(const Napi::CallbackInfo& info) {
    return Guarded(info.Env(), [&]() -> Napi::Value {
      RequireLibrary();
      const int64_t rows = ToInteger(info[0], "rows", 0);
      return NativeRows::Create(&environment_, std::make_shared<runtime::SharedRows>(rows));
    });
  }

  Napi::Value CreateRun(const Napi::CallbackInfo& info) {
    return Guarded(info.Env(), [&]() -> Napi::Value {
      return NativeRun::Create(&environment_, std::make_shared<control::RunControl>());
    });
  }

  Napi::Value CreateStrategy(const Napi::CallbackInfo& info) {
    return Guarded(info.Env(), [&]() -> Napi::Value {
      RequireLibrary();
      return NativeStrategy::New(&environment_, info[0]);
    });
  }

  Napi::Value ListDevices(const Napi::CallbackInfo& info) {
    return Promised(info.Env(), [&]() -> Napi::Value {
      RequireLibrary();
      return environment_.InBackground([] { return runtime::ListDevices(); }, FromDevices);
    });
  }

  Napi::Value ConfigureGpus(const Napi::CallbackInfo& info) {
    return Guarded(info.Env(), [&]() -> Napi::Value {
      runtime::ConfigureGpus(ToGpuOptions(info[0]));
      return info.Env().Undefined();
    });
  }

  Napi::Value StartServer(const Napi::CallbackInfo& info) {
    return Promised(info.Env(), [&]() -> Napi::Value {
      RequireLibrary();
      return environment_.InBackground(
          [options = ToServerOptions(info[0])] { return runtime::StartServer(options); },
          [](Napi::Env env, const std::vector<runtime::Session::Device>& devices) {
            const Napi::Object server = Napi::Object::New(env);
            server.Set("devices", FromDevices(env, devices));
            return server;
          });
    });
  }

  Napi::Value Memory(const Napi::CallbackInfo& info) {
    return Guarded(info.Env(), [&]() -> Napi::Value {
      const runtime::MemoryCounters counters = runtime::ReadMemoryCounters();
      const Napi::Object memory = Napi::Object::New(info.Env());
      memory.Set("liveTensors", static_cast<double>(counters.live_tensors));
      memory.Set("liveBytes", static_cast<double>(counters.live_bytes));
      memory.Set("copiedInBytes", static_cast<double>(counters.copied_in_bytes));
      memory.Set("copiedOutBytes", static_cast<double>(counters.copied_out_bytes));
      return memory;
    });
  }

  Environment environment_;
};

Environment& Environment::Of(Napi::Env env) { return *Find(env); }

Environment* Environment::Find(Napi::Env env) {
  auto* addon = env.GetInstanceData<KerasExplainableAddon>();
  return addon == nullptr ? nullptr : &addon->environment();
}

NODE_API_NAMED_ADDON(keras_explainable, KerasExplainableAddon)

}  // namespace ke::binding
