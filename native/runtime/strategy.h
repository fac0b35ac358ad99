// The replicas that a model's functions run on, and the loop that feeds them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/executor.h"
#include "runtime/placement.h"

namespace ke::runtime {

class PlacedReplica;

class Strategy {
 public:
  // `callers` threads in this process. The threads start with the first run.
  explicit Strategy(int callers);
  // Replicas made elsewhere: cluster/make_strategy.h, or a simulation.
  Strategy(const std::vector<std::shared_ptr<PlacedReplica>>& replicas, Executor::Options options);
  ~Strategy();
  Strategy(const Strategy&) = delete;
  Strategy& operator=(const Strategy&) = delete;

  // Whether any replica is in another process.
  bool remote() const;
  const std::vector<Placement>& placements() const { return placements_; }

  // As Executor's.
  void Submit(std::shared_ptr<ShardedJob> job) { executor_->Submit(std::move(job)); }
  void RunHere(const std::shared_ptr<ShardedJob>& job) { executor_->RunHere(job); }
  void Stop();

  // Shards that are computed at once; a worker that has not said how many threads it has counts as `unknown`.
  int64_t CallersOr(int unknown) const;
  // Turns of a loop that a shard may have under way at once, while it has this process for itself.
  int TurnsAtOnce() const;
  std::vector<ReplicaStatus> status() const;
  const std::vector<std::shared_ptr<Replica>>& replicas() const { return executor_->replicas(); }

 private:
  std::vector<Placement> placements_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace ke::runtime
