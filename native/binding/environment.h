// The native state of one JavaScript environment (the main thread or a worker thread): threads, the delivery
// of results to JavaScript, and the classes that wrap native objects.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "binding/dispatcher.h"
#include "cluster/make_strategy.h"
#include "runtime/background.h"

namespace ke::binding {

class Environment;

// Stops an Environment when its JavaScript environment ends. If the addon cannot be constructed because its
// worker thread is being killed, the destructor removes the hook.
class StopHook {
 public:
  StopHook(Napi::Env env, Environment* environment);
  ~StopHook();
  StopHook(const StopHook&) = delete;
  StopHook& operator=(const StopHook&) = delete;

 private:
  static void Run(void* self);

  napi_env env_;
  Environment* environment_;  // null once the hook has run, because Node has then removed the hook
};

class Environment {
 public:
  explicit Environment(Napi::Env env);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  static Environment& Of(Napi::Env env);
  // Returns null if the environment was not created.
  static Environment* Find(Napi::Env env);

  // Drops pending promises, and waits for the running shards and jobs. Idempotent.
  void Stop();
  // Registers Stop() for the process's 'exit' event. process.exit() on the main thread runs no cleanup hooks.
  // A handler of C's exit() runs too late: before such a handler, oneDNN frees the machine code of kernels
  // that the addon's threads still run.
  static void StopOnExit(Napi::Env env);

  PendingPromise NewPromise() { return PendingPromise(env_, &dispatcher_); }

  // Runs `work` on a background thread and resolves with `convert(env, result)`.
  template <typename Work, typename Convert>
  Napi::Promise InBackground(Work work, Convert convert) {
    return Start(&background_, std::move(work), std::move(convert));
  }
  // As InBackground, for copies of memory. These jobs have a thread of their own, so that they do not wait
  // for models that load or compile.
  template <typename Work, typename Convert>
  Napi::Promise InCopyThread(Work work, Convert convert) {
    return Start(&copies_, std::move(work), std::move(convert));
  }

  // Returns a strategy that is stopped with this environment.
  std::shared_ptr<runtime::Strategy> NewStrategy(runtime::StrategyOptions options);
  // Destroys objects that must not be destroyed on the JavaScript thread (graphs, sessions, weights).
  template <typename T>
  void FreeInBackground(std::shared_ptr<T> object);

  // Returns whether an ArrayBuffer may wrap TensorFlow's memory. Electron and builds with a pointer cage
  // refuse external memory. KERAS_EXPLAINABLE_NO_EXTERNAL_BUFFERS=1 also disables external buffers, so that
  // tests can cover the copies.
  bool external_buffers() const { return external_buffers_; }
  void RefuseExternalBuffers() { external_buffers_ = false; }

  // Returns the bytes of the largest ArrayBuffer: 4 GiB in Node 20. Node ends the process if a larger memory
  // is wrapped.
  double most_buffer_bytes() const { return most_buffer_bytes_; }

  Napi::FunctionReference tensor_class;
  Napi::FunctionReference model_class;
  Napi::FunctionReference trace_class;
  Napi::FunctionReference function_class;
  Napi::FunctionReference strategy_class;
  Napi::FunctionReference run_class;
  Napi::FunctionReference rows_class;
  // The state of the wrapped object that is being constructed. Null while JavaScript calls a constructor.
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
  // The hook is added after the dispatcher's hook. Node runs hooks in reverse order, so this hook runs before
  // the dispatcher's.
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
