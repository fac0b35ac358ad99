// The replicas that compute a model's functions, and the loop that feeds the replicas.
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
  // Makes a strategy of `callers` threads in this process. The threads start with the first run.
  explicit Strategy(int callers);
  // Makes a strategy of given replicas: by cluster/make_strategy.h, or a simulation.
  Strategy(const std::vector<std::shared_ptr<PlacedReplica>>& replicas, Executor::Options options);
  ~Strategy();
  Strategy(const Strategy&) = delete;
  Strategy& operator=(const Strategy&) = delete;

  // Returns whether any replica is in another process.
  bool remote() const;
  const std::vector<Placement>& placements() const { return placements_; }

  // See Executor.
  void Submit(std::shared_ptr<ShardedJob> job) { executor_->Submit(std::move(job)); }
  void RunHere(const std::shared_ptr<ShardedJob>& job) { executor_->RunHere(job); }
  void Stop();

  // Returns the number of shards that are computed at once. A worker that has not reported its number of
  // threads counts as `unknown`.
  int64_t CallersOr(int unknown) const;
  // Returns the maximum number of turns of a loop that may overlap while a shard is alone in this process.
  int TurnsAtOnce() const;
  std::vector<ReplicaStatus> status() const;
  const std::vector<std::shared_ptr<Replica>>& replicas() const { return executor_->replicas(); }

 private:
  std::vector<Placement> placements_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace ke::runtime
