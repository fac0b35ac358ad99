#pragma once

#include <memory>
#include <vector>

#include "control/run_control.h"
#include "runtime/compiled_function.h"
#include "runtime/placement.h"
#include "runtime/replica.h"

namespace ke::runtime {

// A replica that runs compiled functions.
class PlacedReplica : public Replica {
 public:
  PlacedReplica(std::string name, const Placement& placement, int64_t shards_at_once)
      : Replica(std::move(name), placement.callers, shards_at_once), placement_(placement) {}

  const Placement& placement() const { return placement_; }

  // Returns the number of shards that the replica computes at once, or `unknown` if the replica has not
  // reported the number yet.
  virtual int CallersOr(int unknown) const { return static_cast<void>(unknown), callers(); }

  // Computes one shard and returns the fetches for these feeds. Throws tf::Error, CANCELLED once `control` is
  // cancelled, and ReplicaLost.
  virtual std::vector<tf::TensorPtr> Compute(const std::shared_ptr<const CompiledFunction>& function,
                                             std::vector<TensorRef> feeds,
                                             control::ShardControl* control) = 0;

 private:
  const Placement placement_;
};

// A replica in this process.
class LocalReplica : public PlacedReplica {
 public:
  using PlacedReplica::PlacedReplica;
  std::vector<tf::TensorPtr> Compute(const std::shared_ptr<const CompiledFunction>& function,
                                     std::vector<TensorRef> feeds, control::ShardControl* control) override;
};

}  // namespace ke::runtime
