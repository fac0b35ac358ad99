#include "runtime/strategy.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "runtime/placed_replica.h"
#include "runtime/worker.h"

namespace ke::runtime {

namespace {

// As its users write it: 'host:port /device:GPU:0', '/device:CPU:1' or 'local'.
std::string NameOf(const Placement& placement) {
  constexpr std::string_view kScheme = "grpc://";
  std::string name = placement.target;
  if (name.rfind(kScheme, 0) == 0) name.erase(0, kScheme.size());
  if (!placement.device.empty()) name += (name.empty() ? "" : " ") + placement.device;
  return name.empty() ? "local" : name;
}

// CPU devices that a session needs so that there is the one that `device` names: "/device:CPU:3" is of 4.
int CpusFor(const std::string& device) {
  constexpr std::string_view kCpu = "CPU:";
  const size_t at = device.rfind(kCpu);
  if (at == std::string::npos) return 1;
  int index = 0;
  const char* begin = device.data() + at + kCpu.size();
  std::from_chars(begin, device.data() + device.size(), index);
  return std::clamp(index, 0, 1023) + 1;
}

}  // namespace

std::vector<tf::TensorPtr> LocalReplica::Compute(const std::shared_ptr<const CompiledFunction>& function,
                                                 std::vector<TensorRef> feeds,
                                                 control::ShardControl* control) {
  const std::shared_ptr<Instance> instance = function->At(placement());
  if (!instance->has_shard_number()) return instance->Run(feeds);
  // What begins beside others stays in its caller's thread, also once it is alone: there, turns at once would
  // cost memory and gain nothing.
  const bool spreads = instance->may_spread() && control->alone();
  const control::RunningShard running(control, spreads);
  const int32_t number = running.number();
  feeds.push_back(Tensor::Adopt(tf::MakeTensor(TF_INT32, {}, &number)));
  return instance->Run(feeds, spreads);
}

Strategy::Strategy(StrategyOptions options) {
  if (options.replicas.empty()) {
    throw tf::Error(TF_INVALID_ARGUMENT, "a strategy needs one replica or more");
  }
  int cpus = 1;
  for (const StrategyOptions::Member& member : options.replicas) {
    if (!member.placement.remote()) cpus = std::max(cpus, CpusFor(member.placement.device));
  }
  std::vector<std::shared_ptr<Replica>> replicas;
  for (StrategyOptions::Member& member : options.replicas) {
    Placement& placement = member.placement;
    placement.cpus = cpus;
    if (placement.callers < (placement.remote() ? 0 : 1)) {
      throw tf::Error(TF_INVALID_ARGUMENT, "a replica of this process needs one caller or more");
    }
    placements_.push_back(placement);
    if (placement.remote()) {
      replicas.push_back(std::make_shared<Worker>(
          NameOf(placement), placement, member.shards_at_once,
          WorkerOptions{std::chrono::milliseconds(options.timeout_ms), options.package}));
    } else {
      replicas.push_back(std::make_shared<LocalReplica>(NameOf(placement), placement, member.shards_at_once));
    }
  }
  executor_ = std::make_unique<Executor>(
      std::move(replicas), Executor::Options{options.retries, std::chrono::milliseconds(options.timeout_ms)});
}

Strategy::Strategy(int callers) : Strategy(StrategyOptions{{{{"", "", callers}}}}) {}

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
