// The threads that call TensorFlow.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "control/run_control.h"

namespace ke::runtime {

// Work that is split into independent shards.
class ShardedJob {
 public:
  // `control` is the caller's; null: one of its own.
  ShardedJob(int64_t shards, control::RunControlRef control);
  virtual ~ShardedJob() = default;

  int64_t shards() const { return shards_; }

 protected:
  control::RunControl& control() const { return *control_; }

  // Called once per shard, by several threads at once. What it throws is kept (that of the first shard that
  // failed, by number) and the shards that have not begun are skipped.
  virtual void RunShard(int64_t shard) = 0;
  // Called once, after the last shard, by the thread that ran it; `error` is null where all succeeded. Must
  // not throw.
  virtual void Finish(std::exception_ptr error) noexcept = 0;

 private:
  friend class Executor;

  // Runs shard `shard` unless the job has failed, is cancelled or `stopping`.
  void Process(int64_t shard, bool stopping) noexcept;
  void Fail(int64_t shard, std::exception_ptr error) noexcept;

  const int64_t shards_;
  const control::RunControlRef control_;
  std::atomic<int64_t> done_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
  int64_t failed_shard_ = 0;
};

// A fixed number of threads that take shards from the front of one queue of jobs: a job's shards begin in
// order, a later job's shards begin when no shard of an earlier one is left, and several jobs are in flight
// at once.
class Executor {
 public:
  explicit Executor(int threads);
  // Stop().
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Throws FAILED_PRECONDITION after Stop. A job without shards finishes in the calling thread.
  void Submit(std::shared_ptr<ShardedJob> job);

  // Cancels the shards under way, waits for them and finishes what is left with CANCELLED. Idempotent; not
  // from one of its own threads.
  void Stop();

 private:
  struct Entry {
    std::shared_ptr<ShardedJob> job;
    int64_t next = 0;
  };

  void Work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Entry> queue_;
  std::vector<ShardedJob*> running_;  // the job of each shard under way
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ke::runtime
