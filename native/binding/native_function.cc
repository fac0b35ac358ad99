#include "binding/native_function.h"

#include <string>
#include <utility>
#include <vector>

#include "binding/convert.h"
#include "binding/native_rows.h"
#include "binding/native_run.h"
#include "binding/native_tensor.h"

namespace ke::binding {

using runtime::CompiledFunction;
using runtime::FeedValue;
using runtime::RowTarget;
using runtime::RunOptions;
using runtime::TensorRef;

namespace {

// The destination that JavaScript requests for the rows of a fetch: `tensor`, `rows`, or a new tensor if both
// are null.
struct Target {
  NativeTensor* tensor = nullptr;
  NativeRows* rows = nullptr;
  int64_t row = 0;
};

std::vector<FeedValue> ToFeeds(Napi::Value value, const CompiledFunction& function,
                               const RunOptions& options) {
  if (!value.IsArray()) ThrowTypeError("feeds", "an array of NativeTensors", value);
  const auto array = value.As<Napi::Array>();
  std::vector<FeedValue> feeds;
  feeds.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const std::string name = "feeds[" + std::to_string(i) + "]";
    const bool batched = i < function.feeds().size() && function.feeds()[i].batched;
    feeds.push_back(NativeTensor::From(array[i], name)
                        ->ForRun(name, batched ? options.begin : 0, batched ? options.rows : -1));
  }
  return feeds;
}

std::vector<Target> ToTargets(Napi::Value value) {
  if (IsAbsent(value)) return {};
  if (!value.IsArray()) ThrowTypeError("options.into", "an array of { tensor, row } and nulls", value);
  const auto array = value.As<Napi::Array>();
  std::vector<Target> targets(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value each = array[i];
    if (IsAbsent(each)) continue;
    const std::string name = "options.into[" + std::to_string(i) + "]";
    const Napi::Object target = ToObject(each, name);
    targets[i].row = ToInteger(target.Get("row"), name + ".row", 0);
    if (const Napi::Value rows = target.Get("rows"); !rows.IsUndefined()) {
      targets[i].rows = NativeRows::From(rows, name + ".rows");
    } else {
      targets[i].tensor = NativeTensor::From(target.Get("tensor"), name + ".tensor");
    }
  }
  return targets;
}

std::vector<RowTarget> ForRun(const std::vector<Target>& targets, bool external_buffers) {
  std::vector<RowTarget> into(targets.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    NativeTensor* const tensor = targets[i].tensor;
    if (targets[i].rows != nullptr && external_buffers) {
      into[i].given = true;
      into[i].row = targets[i].row;
      into[i].shared = targets[i].rows->rows();
    }
    if (tensor == nullptr) continue;
    const std::string name = "options.into[" + std::to_string(i) + "].tensor";
    into[i] = {true, tensor->dtype(), tensor->dims(), targets[i].row, tensor->Memory(name), nullptr};
  }
  return into;
}

RunOptions ToRunOptions(Napi::Value value, const std::vector<Target>& targets, bool external_buffers) {
  const Napi::Object object = ToObject(value, "options");
  RunOptions options;
  options.shard_size = ToInteger(object.Get("shardSize"), "options.shardSize", 1);
  if (const Napi::Value begin = object.Get("begin"); !begin.IsUndefined()) {
    options.begin = ToInteger(begin, "options.begin", 0);
  }
  if (const Napi::Value rows = object.Get("rows"); !rows.IsUndefined()) {
    options.rows = ToInteger(rows, "options.rows", 0);
  }
  if (const Napi::Value run = object.Get("run"); !IsAbsent(run)) {
    options.control = NativeRun::From(run, "options.run")->control();
  }
  options.into = ForRun(targets, external_buffers);
  return options;
}

Napi::Value FromOutputs(Napi::Env env, const std::vector<TensorRef>& outputs,
                        const std::vector<Target>& targets) {
  const Napi::Array array = Napi::Array::New(env, outputs.size());
  for (uint32_t i = 0; i < outputs.size(); ++i) {
    // If JavaScript holds the target's bytes, native threads could not write the rows, and the rows arrive as
    // an output.
    const Target target = targets.empty() ? Target() : targets[i];
    if (target.rows != nullptr) {
      if (outputs[i] != nullptr) target.rows->Write(env, target.row, outputs[i]);
      array.Set(i, target.rows->Tensor(env));
    } else if (target.tensor != nullptr) {
      if (outputs[i] != nullptr) target.tensor->WriteRows(target.row, outputs[i]);
      array.Set(i, target.tensor->Value());
    } else {
      array.Set(i, NativeTensor::Create(&Environment::Of(env), outputs[i]));
    }
  }
  return array;
}

}  // namespace

Napi::Function NativeFunction::Define(Napi::Env env) {
  return DefineClass(
      env, kName,
      {InstanceMethod<&NativeFunction::Run>("run"), InstanceMethod<&NativeFunction::RunNow>("runNow"),
       InstanceMethod<&NativeFunction::Close>("close")});
}

NativeFunction::NativeFunction(const Napi::CallbackInfo& info)
    : Wrap(info), environment_(&Environment::Of(info.Env())) {}

NativeFunction::~NativeFunction() { Free(); }

void NativeFunction::CheckOpen() const {
  if (state_.function == nullptr) throw tf::Error(TF_FAILED_PRECONDITION, "the function is closed");
}

Napi::Value NativeFunction::RunNow(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&]() -> Napi::Value {
    CheckOpen();
    if (!state_.function->short_runs().ExpectsAny()) return info.Env().Null();
    const std::vector<Target> targets = ToTargets(ToObject(info[1], "options").Get("into"));
    RunOptions options = ToRunOptions(info[1], targets, environment_->external_buffers());
    std::vector<FeedValue> feeds = ToFeeds(info[0], *state_.function, options);
    const auto outputs = state_.function->RunNow(state_.strategy.get(), std::move(feeds), std::move(options));
    if (!outputs.has_value()) return info.Env().Null();
    return FromOutputs(info.Env(), *outputs, targets);
  });
}

Napi::Value NativeFunction::Run(const Napi::CallbackInfo& info) {
  return Promised(info.Env(), [&]() -> Napi::Value {
    CheckOpen();
    const std::vector<Target> targets = ToTargets(ToObject(info[1], "options").Get("into"));
    RunOptions options = ToRunOptions(info[1], targets, environment_->external_buffers());
    std::vector<FeedValue> feeds = ToFeeds(info[0], *state_.function, options);

    const PendingPromise pending = environment_->NewPromise();
    const auto settle = [pending, targets](std::vector<TensorRef> outputs, std::exception_ptr error) {
      pending.Resolve([outputs = std::move(outputs), error = std::move(error), targets](Napi::Env env) {
        for (const Target& target : targets) {
          if (target.tensor != nullptr) target.tensor->Unpin();
          if (target.rows != nullptr) target.rows->Unpin();
        }
        if (error != nullptr) std::rethrow_exception(error);
        return FromOutputs(env, outputs, targets);
      });
    };
    try {
      // The wrappers are pinned until the promise is settled, because the promise resolves with them. If the
      // environment ends earlier, the wrappers' memory is freed with the environment.
      for (const Target& target : targets) {
        if (target.tensor != nullptr) target.tensor->Pin();
        if (target.rows != nullptr) target.rows->Pin();
      }
      state_.function->Run(state_.strategy.get(), std::move(feeds), std::move(options), settle);
    } catch (...) {
      settle({}, std::current_exception());
    }
    return pending.promise();
  });
}

void NativeFunction::Close(const Napi::CallbackInfo& info) {
  Guarded(info.Env(), [&] { Free(); });
}

void NativeFunction::Free() {
  if (state_.function != nullptr) environment_->FreeInBackground(std::move(state_.function));
  // Released in the background, because the last reference to a strategy waits for the strategy's threads.
  if (state_.strategy != nullptr) environment_->FreeInBackground(std::move(state_.strategy));
}

}  // namespace ke::binding
