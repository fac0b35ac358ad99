#pragma once

#include <napi.h>

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

namespace ke::binding {

// Brings results from native threads to one environment's JavaScript thread. While a promise is pending it
// keeps the process alive, and no longer. One per environment; all but Post belongs to the JavaScript thread.
class Dispatcher {
 public:
  using Delivery = std::function<void(Napi::Env)>;

  explicit Dispatcher(Napi::Env env);
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // A result is on its way, or has come: Post follows each Begin, its delivery calls End.
  void Begin();
  void End();

  // From any thread: calls `deliver`, which must not throw, on the JavaScript thread. After Close it is
  // destroyed instead, on the calling thread: it must own no N-API handle whose destructor does anything.
  void Post(Delivery deliver);

  // The environment is ending: nothing is delivered from now on, what was posted is dropped.
  void Close();

 private:
  static void Call(Napi::Env env, Napi::Function, Dispatcher* self, void*);
  using Function = Napi::TypedThreadSafeFunction<Dispatcher, void, &Dispatcher::Call>;

  void Drain(Napi::Env env);

  Napi::Env env_;
  Function function_;
  int pending_ = 0;  // of the JavaScript thread
  std::mutex mutex_;
  std::deque<Delivery> queue_;
  bool scheduled_ = false;
  bool closed_ = false;
};

// A promise that native threads settle, once: a value to be copied into their jobs.
class PendingPromise {
 public:
  PendingPromise(Napi::Env env, Dispatcher* dispatcher)
      : dispatcher_(dispatcher), deferred_(Napi::Promise::Deferred::New(env)), promise_(deferred_.Promise()) {
    dispatcher->Begin();
  }

  // In the scope that made it only.
  Napi::Promise promise() const { return promise_; }

  // From any thread, one of the two, once. `make` runs on the JavaScript thread; what it throws rejects.
  void Resolve(std::function<Napi::Value(Napi::Env)> make) const;
  void Reject(std::exception_ptr error) const;

 private:
  Dispatcher* dispatcher_;
  Napi::Promise::Deferred deferred_;
  Napi::Promise promise_;
};

}  // namespace ke::binding
