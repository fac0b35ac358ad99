#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ke::runtime {

// Threads for what takes long and is not a run: loading, compiling, freeing. Started as they are needed, at
// most `max_threads`; Node's own four would be blocked for file system and DNS calls.
class Background {
 public:
  using Job = std::function<void()>;

  explicit Background(int max_threads) : max_threads_(max_threads) {}
  // Stop().
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // `job` must not throw. After Stop it is destroyed without being called.
  void Submit(Job job);

  // Waits for the jobs under way and drops the others. Idempotent; not from one of its own threads.
  void Stop();

 private:
  void Work();

  const int max_threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  int idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ke::runtime
