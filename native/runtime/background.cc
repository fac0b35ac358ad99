#include "runtime/background.h"

#include <utility>

namespace ke::runtime {

Background::~Background() { Stop(); }

void Background::Submit(Job job) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return;
    queue_.push_back(std::move(job));
    if (static_cast<size_t>(idle_) < queue_.size() && threads_.size() < static_cast<size_t>(max_threads_)) {
      try {
        threads_.emplace_back([this] { Work(); });
      } catch (...) {
        // The failure is ignored if there is another thread to run the job.
        if (threads_.empty()) {
          queue_.pop_back();
          throw;
        }
      }
    }
  }
  wake_.notify_one();
}

void Background::Stop() {
  std::deque<Job> dropped;
  std::vector<std::thread> threads;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

void Background::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // the job's captures are released without the lock
    lock.lock();
  }
}

}  // namespace ke::runtime
