#include "cluster/detached_threads.h"

#include <thread>
#include <utility>

namespace ke::runtime {

void DetachedThreads::Start(std::function<void()> call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  queue_.push_back(std::move(call));
  if (static_cast<size_t>(idle_) >= queue_.size()) {
    wake_.notify_one();
    return;
  }
  try {
    std::thread([self = shared_from_this()] { self->Work(); }).detach();
  } catch (...) {
    queue_.pop_back();
    throw;
  }
  ++threads_;
}

bool DetachedThreads::TryStart(std::function<void()> call) noexcept {
  try {
    Start(std::move(call));
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void DetachedThreads::Close(std::chrono::milliseconds patience) {
  std::unique_lock<std::mutex> lock(mutex_);
  closed_ = true;
  wake_.notify_all();
  gone_.wait_for(lock, patience, [this] { return threads_ == 0; });
}

int DetachedThreads::busy() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return threads_ - idle_;
}

void DetachedThreads::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) break;
    std::function<void()> call = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    call();
    call = nullptr;  // the call's captures are released without the lock
    lock.lock();
  }
  --threads_;
  gone_.notify_all();
}

}  // namespace ke::runtime
