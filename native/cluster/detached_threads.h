// Threads for calls that may never return. TensorFlow's calls to a server that is gone block until the server
// is back.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace ke::runtime {

// A pool of threads without a limit. The threads are never joined, so a call must own everything that it
// uses.
class DetachedThreads : public std::enable_shared_from_this<DetachedThreads> {
 public:
  static std::shared_ptr<DetachedThreads> Create() {
    return std::shared_ptr<DetachedThreads>(new DetachedThreads());
  }

  // Runs `call` at once. `call` must not throw. Throws std::system_error if no thread can be made.
  void Start(std::function<void()> call);
  // As Start, but returns whether the call was started: false if no thread can be made.
  bool TryStart(std::function<void()> call) noexcept;

  // Ends the idle threads and waits up to `patience` for the busy threads.
  void Close(std::chrono::milliseconds patience);

  // Returns the number of threads in a call.
  int busy() const;

 private:
  DetachedThreads() = default;
  void Work();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable gone_;
  std::deque<std::function<void()>> queue_;
  int threads_ = 0;
  int idle_ = 0;
  bool closed_ = false;
};

// The outcome of a call on a detached thread. The waiting thread may abandon the call.
template <typename T>
class Awaited {
 public:
  void Resolve(T value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    value_ = std::move(value);
    done_ = true;
    changed_.notify_all();
  }
  void Reject(std::exception_ptr error) {
    const std::lock_guard<std::mutex> lock(mutex_);
    error_ = std::move(error);
    done_ = true;
    changed_.notify_all();
  }

  // Blocks until there is an outcome, for at most `time`, or until `abandoned` returns true, which is checked
  // at every Wake. Returns whether there is an outcome.
  template <typename Abandoned>
  bool WaitFor(std::chrono::milliseconds time, Abandoned abandoned) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, time, [&] { return done_ || abandoned(); });
    return done_;
  }
  template <typename Abandoned>
  bool Wait(Abandoned abandoned) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return done_ || abandoned(); });
    return done_;
  }
  void Wake() {
    const std::lock_guard<std::mutex> lock(mutex_);
    changed_.notify_all();
  }
  // Returns the result of a call that has ended. Throws the exception that the call threw.
  T Take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (error_ != nullptr) std::rethrow_exception(error_);
    return std::move(value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  T value_;
  std::exception_ptr error_;
};

// Starts `call` on a detached thread.
template <typename T, typename Call>
std::shared_ptr<Awaited<T>> CallDetached(DetachedThreads* threads, Call call) {
  auto awaited = std::make_shared<Awaited<T>>();
  threads->Start([awaited, call = std::make_shared<Call>(std::move(call))]() mutable {
    try {
      awaited->Resolve((*call)());
    } catch (...) {
      awaited->Reject(std::current_exception());
    }
    call.reset();
  });
  return awaited;
}

}  // namespace ke::runtime
