// The replicas that a model's functions run on, and the loop that feeds them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/executor.h"
#include "runtime/placement.h"

namespace ke::runtime {

class PlacedReplica;

struct StrategyOptions {
  struct Member {
    Placement placement;
    int64_t shards_at_once = 1;
  };
  std::vector<Member> replicas;
  int timeout_ms = 30000;
  int retries = 3;
  // This package's version: workers of another are refused.
  std::string package = {};
};

class Strategy {
 public:
  // Throws INVALID_ARGUMENT where there is no replica, or a target is no address. Threads start with the
  // first run, and so do the connections to workers.
  explicit Strategy(StrategyOptions options);
  // So many caller threads in this process.
  explicit Strategy(int callers);
  // Replicas of another making: simulated ones.
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
