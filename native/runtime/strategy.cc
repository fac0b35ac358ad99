#include "runtime/strategy.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "runtime/placed_replica.h"

namespace ke::runtime {

std::vector<tf::TensorPtr> LocalReplica::Compute(const std::shared_ptr<const CompiledFunction>& function,
                                                 std::vector<TensorRef> feeds,
                                                 control::ShardControl* control) {
  const std::shared_ptr<Instance> instance = function->At(placement());
  if (!instance->has_shard_number()) return instance->Run(feeds);
  // A shard that begins beside others stays in its caller's thread, also once the shard is alone: overlapping
  // turns would then cost memory without a gain.
  const bool spreads = instance->may_spread() && control->alone();
  const control::RunningShard running(control, spreads);
  const int32_t number = running.number();
  feeds.push_back(Tensor::Adopt(tf::MakeTensor(TF_INT32, {}, &number)));
  return instance->Run(feeds, spreads);
}

Strategy::Strategy(int callers)
    : Strategy({std::make_shared<LocalReplica>("local", Placement{"", "", callers}, 1)}, {}) {}

Strategy::Strategy(const std::vector<std::shared_ptr<PlacedReplica>>& replicas, Executor::Options options) {
  for (const std::shared_ptr<PlacedReplica>& replica : replicas) placements_.push_back(replica->placement());
  executor_ = std::make_unique<Executor>(
      std::vector<std::shared_ptr<Replica>>(replicas.begin(), replicas.end()), options);
}

Strategy::~Strategy() = default;

bool Strategy::remote() const {
  return std::any_of(placements_.begin(), placements_.end(), [](const Placement& p) { return p.remote(); });
}

int64_t Strategy::CallersOr(int unknown) const {
  int64_t sum = 0;
  for (const std::shared_ptr<Replica>& replica : executor_->replicas()) {
    sum += static_cast<const PlacedReplica&>(*replica).CallersOr(unknown);
  }
  return sum;
}

int Strategy::TurnsAtOnce() const {
  int callers = 1;
  for (const Placement& placement : placements_) {
    if (!placement.remote() && placement.device.empty()) callers = std::max(callers, placement.callers);
  }
  // More threads than cores would only cost memory.
  return std::min(callers, static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
}

void Strategy::Stop() { executor_->Stop(); }

std::vector<ReplicaStatus> Strategy::status() const {
  std::vector<ReplicaStatus> all;
  for (const std::shared_ptr<Replica>& replica : executor_->replicas()) all.push_back(replica->status());
  return all;
}

}  // namespace ke::runtime
