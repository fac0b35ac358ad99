// Replicas that take time and fail but compute nothing, for tests of the loop (runtime/executor.h).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/executor.h"

namespace ke::test {

using Random = std::mt19937_64;
using Time = std::chrono::microseconds;

// Calls functions after a delay, all on one thread.
class FakeTimer {
 public:
  FakeTimer() : thread_([this] { Work(); }) {}
  ~FakeTimer() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  FakeTimer(const FakeTimer&) = delete;
  FakeTimer& operator=(const FakeTimer&) = delete;

  void After(Time time, std::function<void()> call) {
    const std::lock_guard<std::mutex> lock(mutex_);
    calls_.emplace(std::chrono::steady_clock::now() + time, std::move(call));
    wake_.notify_one();
  }

 private:
  void Work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stopping_) {
      if (calls_.empty()) {
        wake_.wait(lock);
      } else if (calls_.begin()->first > std::chrono::steady_clock::now()) {
        wake_.wait_until(lock, calls_.begin()->first);
      } else {
        const std::function<void()> call = std::move(calls_.begin()->second);
        calls_.erase(calls_.begin());
        lock.unlock();
        call();
        lock.lock();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<std::chrono::steady_clock::time_point, std::function<void()>> calls_;
  bool stopping_ = false;
  std::thread thread_;
};

// The behaviour of a simulated replica for a number of shards that are taken at once.
struct Behaviour {
  std::function<Time(int64_t shards, Random*)> latency = [](int64_t, Random*) { return Time(0); };
  // Returns how long the replica is gone if the replica is lost in the middle of the shards, and nothing
  // otherwise.
  std::function<std::optional<Time>(Random*)> failure = [](Random*) { return std::nullopt; };
};

class FakeReplica : public runtime::Replica {
 public:
  // `timer` must outlive the executor.
  FakeReplica(std::string name, Behaviour behaviour, FakeTimer* timer, uint64_t seed, int callers = 1,
              int64_t shards_at_once = 1)
      : Replica(std::move(name), callers, shards_at_once),
        behaviour_(std::move(behaviour)),
        timer_(timer),
        random_(seed) {}

  void Start(const std::function<void()>& changed) override { shared_->changed = changed; }
  void Stop() override {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    shared_->changed = nullptr;
  }
  runtime::ReplicaStatus::State state() const override {
    return shared_->up ? runtime::ReplicaStatus::State::kUp : runtime::ReplicaStatus::State::kDown;
  }

  // Sleeps for the latency, or throws ReplicaLost.
  void Compute(int64_t shards) {
    Time latency;
    std::optional<Time> gone;
    {
      const std::lock_guard<std::mutex> lock(shared_->mutex);
      latency = behaviour_.latency(shards, &random_);
      gone = behaviour_.failure(&random_);
    }
    if (!gone) return std::this_thread::sleep_for(latency);
    std::this_thread::sleep_for(latency / 2);
    shared_->up = false;
    timer_->After(*gone, [shared = shared_] {
      shared->up = true;
      const std::lock_guard<std::mutex> lock(shared->mutex);
      if (shared->changed != nullptr) shared->changed();
    });
    throw runtime::ReplicaLost("a planned failure");
  }

 private:
  struct Shared {
    std::mutex mutex;
    std::atomic<bool> up{true};
    std::function<void()> changed;
  };

  const Behaviour behaviour_;
  FakeTimer* const timer_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  Random random_;
};

// A job of `shards` shards for fake replicas. Counts how often each shard was computed.
class FakeJob : public runtime::ShardedJob {
 public:
  explicit FakeJob(int64_t shards) : ShardedJob(shards, nullptr), computed_(shards) {}

  // Waits for the end of the job. Throws the job's error if the job failed.
  void Wait() {
    const std::exception_ptr error = finished_.get_future().get();
    if (error != nullptr) std::rethrow_exception(error);
  }
  // Returns the number of shards that were not computed exactly once.
  int64_t Wrong() const {
    int64_t wrong = 0;
    for (const std::atomic<int>& times : computed_) wrong += times == 1 ? 0 : 1;
    return wrong;
  }

 protected:
  void RunShards(const runtime::Shards& shards, runtime::Replica& replica, control::ShardControl*) override {
    static_cast<FakeReplica&>(replica).Compute(shards.count());
    for (int64_t shard = shards.begin; shard < shards.end; ++shard) ++computed_[shard];
  }
  int64_t most_at_once() const override { return shards(); }
  void Finish(std::exception_ptr error) noexcept override { finished_.set_value(error); }

 private:
  std::vector<std::atomic<int>> computed_;
  std::promise<std::exception_ptr> finished_;
};

}  // namespace ke::test
