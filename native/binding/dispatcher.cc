#include "binding/dispatcher.h"

#include <utility>

#include "binding/errors.h"

namespace ke::binding {

Dispatcher::Dispatcher(Napi::Env env)
    : env_(env), function_(Function::New(env, "keras-explainable", 0, 1, this)) {
  function_.Unref(env_);
}

void Dispatcher::Begin() {
  if (pending_++ == 0) function_.Ref(env_);
}

void Dispatcher::End() {
  if (--pending_ == 0) function_.Unref(env_);
}

void Dispatcher::Post(Delivery deliver) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return;
  queue_.push_back(std::move(deliver));
  if (scheduled_) return;
  scheduled_ = true;
  // Called under the lock, so that Close cannot run in between. The call only adds to a queue and wakes the
  // event loop.
  function_.NonBlockingCall();
}

void Dispatcher::Close() {
  std::deque<Delivery> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) return;
    closed_ = true;
    dropped.swap(queue_);
  }
}

void Dispatcher::Call(Napi::Env env, Napi::Function, Dispatcher* self, void*) {
  // If there is no environment, N-API is only emptying its queue, and `self` may be destroyed.
  if (static_cast<napi_env>(env) != nullptr) self->Drain(env);
}

void Dispatcher::Drain(Napi::Env env) {
  std::deque<Delivery> ready;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    scheduled_ = false;
    ready.swap(queue_);
  }
  for (const Delivery& deliver : ready) {
    const Napi::HandleScope scope(env);
    deliver(env);
  }
}

void PendingPromise::Resolve(std::function<Napi::Value(Napi::Env)> make) const {
  dispatcher_->Post([dispatcher = dispatcher_, deferred = deferred_, make = std::move(make)](Napi::Env env) {
    dispatcher->End();
    Settle(env, deferred, [&] { return make(env); });
  });
}

void PendingPromise::Reject(std::exception_ptr error) const {
  dispatcher_->Post([dispatcher = dispatcher_, deferred = deferred_, error](Napi::Env env) {
    dispatcher->End();
    Settle(env, deferred, [&]() -> Napi::Value { std::rethrow_exception(error); });
  });
}

}  // namespace ke::binding
