// Who computes shards, as the loop (executor.h) sees it: in this process, on a worker, or simulated.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

namespace ke::runtime {

struct ReplicaStatus {
  enum class State {
    kConnecting,  // not asked yet, or no answer yet
    kUp,          // computes shards
    kDown,        // was lost, or could not be reached: tried again and again
    kRefused,     // answers, but is not what it should be (version, device): waiting will not mend it
  };
  std::string name;
  State state = State::kUp;
  int64_t shards = 0;    // computed
  int64_t failures = 0;  // shards that it was given and lost
  std::string last_error;
};

// The state of a replica, and why it is not up: both of one moment.
struct ReplicaCondition {
  ReplicaStatus::State state = ReplicaStatus::State::kUp;
  std::string problem = {};
};

// Thrown by ShardedJob::RunShards where the replica could not end them, through no fault of theirs: they are
// run again, by this replica or another.
class ReplicaLost : public std::runtime_error {
 public:
  // `counts`: whether it is one of the job's retries. It is not where somebody else's shard was cancelled.
  explicit ReplicaLost(const std::string& reason, bool counts = true)
      : std::runtime_error(reason), counts_(counts) {}
  bool counts() const { return counts_; }

 private:
  bool counts_;
};

class Replica {
 public:
  // `callers`: shards that it computes at once, each by a thread of its own. `shards_at_once`: how many
  // shards of a job it takes in one go, which are then computed as one.
  explicit Replica(std::string name, int callers = 1, int64_t shards_at_once = 1)
      : callers_(callers), shards_at_once_(shards_at_once), name_(std::move(name)) {}
  virtual ~Replica() = default;
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  const std::string& name() const { return name_; }
  // It may change where `changed` is called.
  virtual int callers() const { return callers_; }
  int64_t shards_at_once() const { return shards_at_once_; }

  // Called by the executor: before anything else (`changed` is to be called, from any thread and with no lock
  // held that `state` takes, whenever the state has changed), and at the end, when `changed` may be called no
  // longer once it has returned.
  virtual void Start(const std::function<void()>& /*changed*/) {}
  virtual void Stop() {}

  // Cheap, from any thread. It is given shards while it is kUp.
  virtual ReplicaStatus::State state() const { return ReplicaStatus::State::kUp; }

  void Computed(int64_t shards) {
    const std::lock_guard<std::mutex> lock(mutex_);
    shards_ += shards;
  }
  void Lost(int64_t shards, const std::string& reason) {
    const std::lock_guard<std::mutex> lock(mutex_);
    failures_ += shards;
    last_error_ = reason;
  }
  // `last_error` says why the replica is not up, where that is known, else what went wrong last.
  ReplicaStatus status() const {
    ReplicaCondition now = condition();
    const std::lock_guard<std::mutex> lock(mutex_);
    return {name_, now.state, shards_, failures_, now.problem.empty() ? last_error_ : std::move(now.problem)};
  }

 protected:
  virtual ReplicaCondition condition() const { return {state()}; }
  // Keeps a problem in the status once the replica is up again.
  void SetProblem(std::string reason) {
    const std::lock_guard<std::mutex> lock(mutex_);
    last_error_ = std::move(reason);
  }

 private:
  const int callers_;
  const int64_t shards_at_once_;
  const std::string name_;
  mutable std::mutex mutex_;
  int64_t shards_ = 0;
  int64_t failures_ = 0;
  std::string last_error_;
};

}  // namespace ke::runtime
