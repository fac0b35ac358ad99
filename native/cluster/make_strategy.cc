#include "cluster/make_strategy.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include "cluster/worker.h"
#include "runtime/placed_replica.h"
#include "tensorflow/device_kind.h"
#include "tensorflow/error.h"

namespace ke::runtime {

namespace {

// Returns the name that users write: 'host:port /device:GPU:0', '/device:CPU:1' or 'local'.
std::string NameOf(const Placement& placement) {
  constexpr std::string_view kScheme = "grpc://";
  std::string name = placement.target;
  if (name.starts_with(kScheme)) name.erase(0, kScheme.size());
  if (!placement.device.empty()) name += (name.empty() ? "" : " ") + placement.device;
  return name.empty() ? "local" : name;
}

// Returns the number of CPU devices that a session needs so that `device` exists: 4 for "/device:CPU:3".
int CpusFor(const std::string& device) {
  return std::clamp(tf::DeviceNumber(device, tf::kCpu).value_or(0), 0, 1023) + 1;
}

}  // namespace

Strategy MakeStrategy(StrategyOptions options) {
  if (options.replicas.empty()) {
    throw tf::Error(TF_INVALID_ARGUMENT, "a strategy needs one replica or more");
  }
  int cpus = 1;
  for (const StrategyOptions::Member& member : options.replicas) {
    if (!member.placement.remote()) cpus = std::max(cpus, CpusFor(member.placement.device));
  }
  std::vector<std::shared_ptr<PlacedReplica>> replicas;
  for (StrategyOptions::Member& member : options.replicas) {
    Placement& placement = member.placement;
    placement.cpus = cpus;
    if (placement.callers < (placement.remote() ? 0 : 1)) {
      throw tf::Error(TF_INVALID_ARGUMENT, "a replica of this process needs one caller or more");
    }
    if (placement.remote()) {
      replicas.push_back(std::make_shared<Worker>(
          NameOf(placement), placement, member.shards_at_once,
          WorkerOptions{std::chrono::milliseconds(options.timeout_ms), options.package}));
    } else {
      replicas.push_back(std::make_shared<LocalReplica>(NameOf(placement), placement, member.shards_at_once));
    }
  }
  return Strategy(replicas,
                  Executor::Options{options.retries, std::chrono::milliseconds(options.timeout_ms)});
}

}  // namespace ke::runtime
