// Threads for calls that may never return: TensorFlow's calls of a server that is gone block until it is
// back.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace ke::runtime {

// A pool without a limit, whose threads nobody joins. What a call needs it must own.
class DetachedThreads : public std::enable_shared_from_this<DetachedThreads> {
 public:
  static std::shared_ptr<DetachedThreads> Create() {
    return std::shared_ptr<DetachedThreads>(new DetachedThreads());
  }

  // Runs `call`, which must not throw, at once. Throws std::system_error where no thread can be made.
  void Start(std::function<void()> call);
  // Whether it was started: false where no thread can be made.
  bool TryStart(std::function<void()> call) noexcept;

  // Lets threads go that have nothing to do and waits, for so long at most, for those that have.
  void Close(std::chrono::milliseconds patience);

  // Threads in a call.
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

// The outcome of a call on such a thread, which whoever waits for it may give up.
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

  // Waits until there is an outcome, at most `time`, or until `given_up` holds, which is asked at Wake.
  // Whether there is one.
  template <typename GivenUp>
  bool WaitFor(std::chrono::milliseconds time, GivenUp given_up) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, time, [&] { return done_ || given_up(); });
    return done_;
  }
  template <typename GivenUp>
  bool Wait(GivenUp given_up) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return done_ || given_up(); });
    return done_;
  }
  void Wake() {
    const std::lock_guard<std::mutex> lock(mutex_);
    changed_.notify_all();
  }
  // Of a call that has ended. Throws what it threw.
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

// Starts `call` on an detached thread.
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
