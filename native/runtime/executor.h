// The loop that feeds replicas: jobs of shards in, each shard run by the replica that is free first, again by
// another where a replica is lost.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/run_control.h"
#include "runtime/replica.h"
#include "tensorflow/error.h"

namespace ke::runtime {

// Shards [begin, end) of a job, which one replica takes in one go.
struct Shards {
  int64_t begin = 0;
  int64_t end = 0;
  int failures = 0;  // replicas that were lost with them

  int64_t count() const { return end - begin; }
};

// What a job fails with where replicas were lost: UNAVAILABLE. The binding tells JavaScript of both.
class WorkerError : public tf::Error {
 public:
  struct Facts {
    std::string worker;  // the last that was lost; empty where it was not one alone
    std::string reason;  // why that was lost, or is not up
    int attempts = 0;    // replicas that the rows were lost with; 0 where none was up
    // Those that were not computed, of the run: of the shard, or all that were left where no replica was.
    int64_t row = 0;
    int64_t rows = 0;
  };

  WorkerError(const std::string& message, Facts facts)
      : tf::Error(TF_UNAVAILABLE, message), facts(std::move(facts)) {}

  const Facts facts;
};

// Work that is split into independent shards.
class ShardedJob {
 public:
  // `control` is the caller's; null: one of its own.
  ShardedJob(int64_t shards, control::RunControlRef control);
  virtual ~ShardedJob() = default;

  int64_t shards() const { return shards_; }

 protected:
  // Called by several threads at once, every shard once, again where it threw ReplicaLost. What else it
  // throws is kept, that of the first shard that failed, by number: so `control` is cancelled where one
  // before these has failed, and those that have not begun are left out; all are, where one was lost too
  // often.
  virtual void RunShards(const Shards& shards, Replica& replica, control::ShardControl* control) = 0;
  // Called once, after the last shard, by the thread that ran it; `error` is null where all succeeded. Must
  // not throw.
  virtual void Finish(std::exception_ptr error) noexcept = 0;
  // Shards that may be run as one.
  virtual int64_t most_at_once() const { return 1; }
  // The rows [first, second) that shards are made of, for messages.
  virtual std::pair<int64_t, int64_t> RowsOf(const Shards& shards) const {
    return {shards.begin, shards.end};
  }

 private:
  friend class Executor;

  bool ended() const { return failed_ || control_->cancelled(); }
  void Fail(int64_t shard, std::exception_ptr error) noexcept;
  static constexpr int64_t kBeforeAll = -1;  // a shard to fail, so that no other counts
  // Whether a shard needs not be run: one before it has failed.
  bool Skips(int64_t shard);
  // So many shards are computed, have failed or are left out.
  void Done(int64_t shards) noexcept;

  const int64_t shards_;
  const control::RunControlRef control_;
  std::atomic<int64_t> done_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
  int64_t failed_shard_ = 0;
};

// Every replica's threads take shards from the front of one queue of jobs: a job's shards begin in order, a
// later job's shards begin when no shard of an earlier one is left, and several jobs are in flight at once.
// Threads begin with the first job.
class Executor {
 public:
  struct Options {
    // So often, at most, a shard is run again because its replica was lost.
    int retries = 3;
    // So long a job waits while no replica is up, before it fails with UNAVAILABLE.
    std::chrono::milliseconds timeout{30000};
  };

  Executor(std::vector<std::shared_ptr<Replica>> replicas, Options options);
  // Stop().
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Throws FAILED_PRECONDITION after Stop. A job without shards finishes in the calling thread.
  void Submit(std::shared_ptr<ShardedJob> job);

  // Computes a job of one shard in the calling thread, by the first replica. The job has ended on return. A
  // loss of the replica counts as a retry in any case, since no other replica takes the shard. Throws as
  // Submit.
  void RunHere(const std::shared_ptr<ShardedJob>& job);

  // Cancels the shards under way, those of RunHere too, waits for them and finishes what is left with
  // CANCELLED. Idempotent: every call returns once all of that is done. Not from a job, nor from one of the
  // executor's own threads.
  void Stop();

  const std::vector<std::shared_ptr<Replica>>& replicas() const { return replicas_; }

 private:
  struct Entry {
    std::shared_ptr<ShardedJob> job;
    int64_t next = 0;
    std::vector<Shards> returned;  // of replicas that were lost: these go first

    bool empty() const { return next == job->shards() && returned.empty(); }
  };
  // A thread of a replica.
  struct Slot {
    Replica* replica = nullptr;
    int number = 0;  // of those of the replica: idle where that has not so many callers
    std::thread thread;
    std::condition_variable wake;
    bool first = false;  // looks after a queue that nobody takes from
    bool idle = false;
    bool woken = false;
  };
  // A shard under way.
  struct Running {
    ShardedJob* job = nullptr;
    int64_t begin = 0;
    control::ShardControl* control = nullptr;
  };
  using Clock = std::chrono::steady_clock;

  void CheckRuns() const;
  void Start();
  // With the lock held: makes the threads that `replica` lacks, as far as the system gives them.
  void AddSlots(Replica* replica);
  static bool IsUp(const Slot& slot);
  void Work(Slot* slot);
  bool MayRun(const Slot& slot) const;
  // With the lock held: a shard is under way from Began to Ended. Began cancels it where the executor stops.
  void Began(ShardedJob* job, int64_t shard, control::ShardControl* control);
  void Ended(const control::ShardControl* control);
  // With the lock held: tells the shards under way whether one has all to itself.
  void TellWhoIsAlone();
  // The next shards of the first job, which leaves the queue with its last ones.
  Shards Take(const Replica& replica, std::shared_ptr<ShardedJob>* job);
  // Whether the shards have ended. Where not, their replica was lost: they are to be run again.
  // `counts_all`: losses that are no failure of the replica (ReplicaLost::counts) are retries, too.
  bool Run(Replica* replica, ShardedJob* job, Shards* shards, control::ShardControl* control,
           bool counts_all) noexcept;
  // Fails a job, and ends its shards under way that are of no use any more.
  void Fail(ShardedJob* job, int64_t shard, std::exception_ptr error) noexcept;
  void PutBack(const std::shared_ptr<ShardedJob>& job, const Shards& shards);
  // With the lock held: the threads to wake, at most `most`, of those whose replica is up; to be told without
  // it, for they need it.
  std::vector<Slot*> ToWake(int64_t most);
  static void Wake(const std::vector<Slot*>& slots);
  // Takes out what no replica needs to be waited for: jobs that have ended, and all where none comes back.
  void Reap(std::unique_lock<std::mutex>* lock);
  bool GivesUp();
  static std::exception_ptr LostTooOften(const ShardedJob& job, const Shards& shards, const Replica& replica,
                                         const std::string& reason);
  std::exception_ptr NobodyIsUp(int64_t row, int64_t rows) const;
  // It may have other callers now, too.
  void OnChange(Replica* replica);

  const std::vector<std::shared_ptr<Replica>> replicas_;
  const Options options_;
  std::mutex mutex_;
  std::deque<Entry> queue_;
  std::vector<Running> running_;
  std::condition_variable stop_;  // for those who stop it: no shard is under way, or all threads have ended
  Clock::time_point waiting_since_;  // for a replica, while jobs wait and none is up
  bool waiting_ = false;
  bool started_ = false;
  bool stopping_ = false;
  bool joining_ = false;  // a call of Stop waits for the threads
  std::vector<std::unique_ptr<Slot>> slots_;
  std::map<const Replica*, int> threads_;  // how many of the slots are its
};

}  // namespace ke::runtime
