// What one JavaScript environment (the main thread or a worker) owns: threads, the way home for their
// results, and the classes that wrap native objects.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "binding/dispatcher.h"
#include "cluster/make_strategy.h"
#include "runtime/background.h"

namespace ke::binding {

class Environment;

// Stops an environment when it ends. One that is not made, since its worker is killed meanwhile, leaves no
// hook behind.
class StopHook {
 public:
  StopHook(Napi::Env env, Environment* environment);
  ~StopHook();
  StopHook(const StopHook&) = delete;
  StopHook& operator=(const StopHook&) = delete;

 private:
  static void Run(void* self);

  napi_env env_;
  Environment* environment_;  // null once it has run: Node has forgotten it
};

class Environment {
 public:
  explicit Environment(Napi::Env env);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  static Environment& Of(Napi::Env env);
  // Null where it is not made.
  static Environment* Find(Napi::Env env);

  // Drops pending promises, waits for the shards and jobs under way. Idempotent.
  void Stop();
  // Stop() on the process's 'exit' event. process.exit() on the main thread runs no cleanup hooks, and a
  // handler of C's exit() comes too late: oneDNN frees the machine code of its kernels, under our threads,
  // before it.
  static void StopOnExit(Napi::Env env);

  PendingPromise NewPromise() { return PendingPromise(env_, &dispatcher_); }

  // Runs `work` on a background thread and resolves with what `convert(env, result)` makes of its result.
  template <typename Work, typename Convert>
  Napi::Promise InBackground(Work work, Convert convert) {
    return Start(&background_, std::move(work), std::move(convert));
  }
  // The same for a copy of memory, which shall not wait for models that load and compile.
  template <typename Work, typename Convert>
  Napi::Promise InCopyThread(Work work, Convert convert) {
    return Start(&copies_, std::move(work), std::move(convert));
  }

  // A strategy that is stopped with this environment.
  std::shared_ptr<runtime::Strategy> NewStrategy(runtime::StrategyOptions options);
  // For what must be freed off the JavaScript thread (graphs, sessions, weights).
  template <typename T>
  void FreeInBackground(std::shared_ptr<T> object);

  // Whether TensorFlow's memory may be an ArrayBuffer's. Electron and builds with a pointer cage refuse it;
  // KERAS_EXPLAINABLE_NO_EXTERNAL_BUFFERS=1 says no too, to test the way around.
  bool external_buffers() const { return external_buffers_; }
  void RefuseExternalBuffers() { external_buffers_ = false; }

  // The bytes of the largest ArrayBuffer: 4 GiB in Node 20. Node ends the process where it is given more to
  // wrap.
  double most_buffer_bytes() const { return most_buffer_bytes_; }

  Napi::FunctionReference tensor_class;
  Napi::FunctionReference model_class;
  Napi::FunctionReference trace_class;
  Napi::FunctionReference function_class;
  Napi::FunctionReference strategy_class;
  Napi::FunctionReference run_class;
  Napi::FunctionReference rows_class;
  // The state of the wrapped object that is being constructed; null while JavaScript calls a constructor.
  void* construction = nullptr;

 private:
  template <typename Work, typename Convert>
  Napi::Promise Start(runtime::Background* thread, Work work, Convert convert);

  Napi::Env env_;
  Dispatcher dispatcher_;
  runtime::Background background_;
  runtime::Background copies_;
  std::vector<std::weak_ptr<runtime::Strategy>> strategies_;
  bool external_buffers_ = true;
  double most_buffer_bytes_;
  // Added after the dispatcher's own hook, so run before it: they run last to first.
  StopHook hook_;
};

template <typename Work, typename Convert>
Napi::Promise Environment::Start(runtime::Background* thread, Work work, Convert convert) {
  const PendingPromise pending = NewPromise();
  try {
    thread->Submit([pending, work = std::move(work), convert = std::move(convert)]() mutable {
      try {
        pending.Resolve(
            [result = work(), convert](Napi::Env env) -> Napi::Value { return convert(env, result); });
      } catch (...) {
        pending.Reject(std::current_exception());
      }
    });
  } catch (...) {
    pending.Reject(std::current_exception());
  }
  return pending.promise();
}

template <typename T>
void Environment::FreeInBackground(std::shared_ptr<T> object) {
  background_.Submit([object = std::move(object)]() mutable { object.reset(); });
}

}  // namespace ke::binding
