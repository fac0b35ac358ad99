// The interface between the loop (executor.h) and the replicas that compute shards: in this process, on a
// worker, or simulated.
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
    kConnecting,  // no request was sent yet, or no answer has arrived yet
    kUp,          // computes shards
    kDown,        // was lost or could not be reached; the connection is retried
    kRefused,     // answers, but has the wrong version or lacks the device; waiting does not help
  };
  std::string name;
  State state = State::kUp;
  int64_t shards = 0;    // computed
  int64_t failures = 0;  // shards that were lost with the replica
  std::string last_error;
};

// The state of a replica and the reason why the replica is not up, both at the same moment.
struct ReplicaCondition {
  ReplicaStatus::State state = ReplicaStatus::State::kUp;
  std::string problem = {};
};

// Thrown by ShardedJob::RunShards if the replica could not finish the shards and the shards did not cause the
// failure. The shards are retried, by this replica or another.
class ReplicaLost : public std::runtime_error {
 public:
  // `counts`: whether the loss counts as a retry of the job. False if the replica failed because another
  // shard was cancelled.
  explicit ReplicaLost(const std::string& reason, bool counts = true)
      : std::runtime_error(reason), counts_(counts) {}
  bool counts() const { return counts_; }

 private:
  bool counts_;
};

class Replica {
 public:
  // `callers`: the number of shards that the replica computes at once, each in a thread of its own.
  // `shards_at_once`: the number of shards of a job that the replica takes at once and computes as one.
  explicit Replica(std::string name, int callers = 1, int64_t shards_at_once = 1)
      : callers_(callers), shards_at_once_(shards_at_once), name_(std::move(name)) {}
  virtual ~Replica() = default;
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  const std::string& name() const { return name_; }
  // May change whenever `changed` is called.
  virtual int callers() const { return callers_; }
  int64_t shards_at_once() const { return shards_at_once_; }

  // Called by the executor before any other call. The replica must call `changed` whenever the state has
  // changed, from any thread and without holding a lock that `state` takes.
  virtual void Start(const std::function<void()>& /*changed*/) {}
  // Called by the executor at the end. After Stop has returned, `changed` must not be called.
  virtual void Stop() {}

  // Cheap and thread-safe. The replica is given shards while the state is kUp.
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
  // `last_error` is the reason why the replica is not up if the reason is known, else the last problem.
  ReplicaStatus status() const {
    ReplicaCondition now = condition();
    const std::lock_guard<std::mutex> lock(mutex_);
    if (now.problem.empty()) now.problem = last_error_;
    return {name_, now.state, shards_, failures_, std::move(now.problem)};
  }

 protected:
  virtual ReplicaCondition condition() const { return {state()}; }
  // Keeps a problem in the status after the replica is up again.
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
