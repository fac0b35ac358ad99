#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ke::runtime {

// Threads for long work that is not a run: loading, compiling, freeing. Threads are started on demand, at
// most `max_threads`. Node's own pool of four threads is not used, because long work there would block file
// system and DNS calls.
class Background {
 public:
  using Job = std::function<void()>;

  explicit Background(int max_threads) : max_threads_(max_threads) {}
  // Calls Stop().
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // `job` must not throw. A job submitted after Stop is destroyed without being called.
  void Submit(Job job);

  // Waits for the jobs in progress and drops the other jobs. Idempotent. Must not be called from a thread of
  // this object.
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
