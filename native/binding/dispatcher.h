#pragma once

#include <napi.h>

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

namespace ke::binding {

// Delivers results from native threads to the JavaScript thread of one environment. A pending promise keeps
// the process alive. There is one dispatcher per environment. All methods but Post must be called on the
// JavaScript thread.
class Dispatcher {
 public:
  using Delivery = std::function<void(Napi::Env)>;

  explicit Dispatcher(Napi::Env env);
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Begin announces a result, and End records its delivery. Each Begin is followed by one Post, whose
  // delivery calls End.
  void Begin();
  void End();

  // Calls `deliver` on the JavaScript thread. `deliver` must not throw. Thread-safe. After Close, `deliver`
  // is destroyed on the calling thread instead, so it must not own an N-API handle whose destructor has an
  // effect.
  void Post(Delivery deliver);

  // Called when the environment ends. From now on nothing is delivered. Posted results are dropped.
  void Close();

 private:
  static void Call(Napi::Env env, Napi::Function, Dispatcher* self, void*);
  using Function = Napi::TypedThreadSafeFunction<Dispatcher, void, &Dispatcher::Call>;

  void Drain(Napi::Env env);

  Napi::Env env_;
  Function function_;
  int pending_ = 0;  // used on the JavaScript thread only
  std::mutex mutex_;
  std::deque<Delivery> queue_;
  bool scheduled_ = false;
  bool closed_ = false;
};

// A promise that native threads settle once. Native jobs hold copies of this object.
class PendingPromise {
 public:
  PendingPromise(Napi::Env env, Dispatcher* dispatcher)
      : dispatcher_(dispatcher), deferred_(Napi::Promise::Deferred::New(env)), promise_(deferred_.Promise()) {
    dispatcher->Begin();
  }

  // Valid only in the handle scope that created this object.
  Napi::Promise promise() const { return promise_; }

  // Call one of the two functions, once, from any thread. `make` runs on the JavaScript thread. An exception
  // of `make` rejects the promise.
  void Resolve(std::function<Napi::Value(Napi::Env)> make) const;
  void Reject(std::exception_ptr error) const;

 private:
  Dispatcher* dispatcher_;
  Napi::Promise::Deferred deferred_;
  Napi::Promise promise_;
};

}  // namespace ke::binding
