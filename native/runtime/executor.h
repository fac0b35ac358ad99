// The loop that feeds replicas with shards of jobs. The first free replica runs the next shard. A shard is
// retried, on any replica, after its replica was lost.
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

// The shards [begin, end) of a job that one replica takes at once.
struct Shards {
  int64_t begin = 0;
  int64_t end = 0;
  int failures = 0;  // losses of a replica while these shards ran

  int64_t count() const { return end - begin; }
};

// The error of a job whose replicas were lost: UNAVAILABLE. The binding passes the facts to JavaScript.
class WorkerError : public tf::Error {
 public:
  struct Facts {
    std::string worker;  // the last lost worker; empty if not a single worker caused the error
    std::string reason;  // why the worker was lost or is not up
    int attempts = 0;    // losses of a replica while the rows were computed; 0 if no replica was up
    // The rows of the run that were not computed: the rows of the shard, or all remaining rows if no replica
    // was up.
    int64_t row = 0;
    int64_t rows = 0;
  };

  WorkerError(const std::string& message, Facts facts)
      : tf::Error(TF_UNAVAILABLE, message), facts(std::move(facts)) {}

  const Facts facts;
};

// A piece of work that is split into independent shards.
class ShardedJob {
 public:
  // `control` is the caller's. If `control` is null, the job makes one.
  ShardedJob(int64_t shards, control::RunControlRef control);
  virtual ~ShardedJob() = default;

  int64_t shards() const { return shards_; }

 protected:
  // Computes `shards`. Called by several threads at once, once per shard, and again after ReplicaLost. Any
  // other exception fails the job. If several shards fail, the job keeps the error of the shard with the
  // lowest number. A failed shard therefore cancels the running shards with higher numbers by `control` and
  // skips the shards with higher numbers that have not begun. A shard that was lost too often cancels and
  // skips all other shards.
  virtual void RunShards(const Shards& shards, Replica& replica, control::ShardControl* control) = 0;
  // Called once, after the last shard, by the thread that ran the last shard. `error` is null if all shards
  // succeeded. Must not throw.
  virtual void Finish(std::exception_ptr error) noexcept = 0;
  // The maximum number of shards that one call of RunShards may compute.
  virtual int64_t most_at_once() const { return 1; }
  // Returns the rows [first, second) of `shards`, for messages.
  virtual std::pair<int64_t, int64_t> RowsOf(const Shards& shards) const {
    return {shards.begin, shards.end};
  }

 private:
  friend class Executor;

  bool ended() const { return failed_ || control_->cancelled(); }
  void Fail(int64_t shard, std::exception_ptr error) noexcept;
  static constexpr int64_t kBeforeAll = -1;  // a failed shard before all others: all shards are skipped
  // Returns whether a shard can be skipped because a shard before it has failed.
  bool Skips(int64_t shard);
  // Counts shards that are computed, have failed or are skipped.
  void Done(int64_t shards) noexcept;

  const int64_t shards_;
  const control::RunControlRef control_;
  std::atomic<int64_t> done_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
  int64_t failed_shard_ = 0;
};

// The threads of all replicas take shards from the front of one queue of jobs. The shards of a job begin in
// order. The shards of a later job begin when no shard of an earlier job is left in the queue, so several
// jobs are in flight at once. The threads are started with the first job.
class Executor {
 public:
  struct Options {
    // The maximum number of retries of a shard after its replica is lost.
    int retries = 3;
    // The maximum time that a job waits while no replica is up. The job then fails with UNAVAILABLE.
    std::chrono::milliseconds timeout{30000};
  };

  Executor(std::vector<std::shared_ptr<Replica>> replicas, Options options);
  // Calls Stop().
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Adds a job to the queue. Throws FAILED_PRECONDITION after Stop. A job without shards finishes in the
  // calling thread.
  void Submit(std::shared_ptr<ShardedJob> job);

  // Computes a job of one shard in the calling thread, on the first replica. The job has ended on return.
  // Every loss of the replica counts as a retry, because no other replica takes the shard. Throws as Submit.
  void RunHere(const std::shared_ptr<ShardedJob>& job);

  // Cancels the running shards, including shards of RunHere, waits for these shards, and finishes the
  // remaining jobs with CANCELLED. Idempotent: every call returns once all of this is done. Must not be
  // called from a job or from a thread of the executor.
  void Stop();

  const std::vector<std::shared_ptr<Replica>>& replicas() const { return replicas_; }

 private:
  struct Entry {
    std::shared_ptr<ShardedJob> job;
    int64_t next = 0;
    std::vector<Shards> returned;  // shards of lost replicas; taken before the others

    bool empty() const { return next == job->shards() && returned.empty(); }
  };
  // One thread of a replica.
  struct Slot {
    Replica* replica = nullptr;
    int number = 0;  // index among the replica's slots; idle if the replica has fewer callers
    std::thread thread;
    std::condition_variable wake;
    bool first = false;  // checks the queue while no replica takes from the queue
    bool idle = false;
    bool woken = false;
  };
  // A running shard.
  struct Running {
    ShardedJob* job = nullptr;
    int64_t begin = 0;
    control::ShardControl* control = nullptr;
  };
  using Clock = std::chrono::steady_clock;

  void CheckRuns() const;
  void Start();
  // Requires the lock. Makes the threads that `replica` lacks, as far as the system has threads.
  void AddSlots(Replica* replica);
  static bool IsUp(const Slot& slot);
  void Work(Slot* slot);
  bool MayRun(const Slot& slot) const;
  // Require the lock. A shard is running from Began to Ended. Began cancels the shard if the executor is
  // stopping.
  void Began(ShardedJob* job, int64_t shard, control::ShardControl* control);
  void Ended(const control::ShardControl* control);
  // Requires the lock. Tells the running shards whether one of them is alone (ShardControl::SetAlone).
  void UpdateAlone();
  // Returns the next shards of the first job. The job leaves the queue with its last shards.
  Shards Take(const Replica& replica, std::shared_ptr<ShardedJob>* job);
  // Returns whether the shards have ended. False if the replica was lost: the shards are then retried.
  // `counts_all`: losses that are not failures of the replica (ReplicaLost::counts) also count as retries.
  bool Run(Replica* replica, ShardedJob* job, Shards* shards, control::ShardControl* control,
           bool counts_all) noexcept;
  // Fails a job and cancels its running shards whose results are no longer needed.
  void Fail(ShardedJob* job, int64_t shard, std::exception_ptr error) noexcept;
  void PutBack(const std::shared_ptr<ShardedJob>& job, const Shards& shards);
  // Requires the lock. Returns the threads to wake: at most `most`, all of replicas that are up. The caller
  // wakes the threads after releasing the lock, because the threads need the lock.
  std::vector<Slot*> ToWake(int64_t most);
  static void Wake(const std::vector<Slot*>& slots);
  // Removes and finishes the jobs that wait in vain: jobs that have ended and, if no replica will be up, all
  // jobs.
  void Reap(std::unique_lock<std::mutex>* lock);
  // Returns whether to abandon the queue: all replicas refuse, or none has been up for the timeout.
  bool AbandonsQueue();
  static std::exception_ptr LostTooOften(const ShardedJob& job, const Shards& shards, const Replica& replica,
                                         const std::string& reason);
  std::exception_ptr NoReplicaIsUp(int64_t row, int64_t rows) const;
  // Also updates the threads: the number of callers of `replica` may have changed.
  void OnChange(Replica* replica);

  const std::vector<std::shared_ptr<Replica>> replicas_;
  const Options options_;
  std::mutex mutex_;
  std::deque<Entry> queue_;
  std::vector<Running> running_;
  std::condition_variable stop_;     // wakes calls of Stop: no shard is running, or all threads have ended
  Clock::time_point waiting_since_;  // the time since which jobs wait for a replica and none is up
  bool waiting_ = false;
  bool started_ = false;
  bool stopping_ = false;
  bool joining_ = false;  // a call of Stop waits for the threads
  std::vector<std::unique_ptr<Slot>> slots_;
  std::map<const Replica*, int> threads_;  // the number of slots of each replica
};

}  // namespace ke::runtime
