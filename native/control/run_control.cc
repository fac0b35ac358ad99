#include "control/run_control.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <shared_mutex>
#include <unordered_map>

namespace ke::control {

namespace {

// The running shards of this process, over all environments.
struct Registry {
  std::shared_mutex mutex;
  std::unordered_map<int32_t, RunningShard*> shards;
  int32_t last = 0;
};

// Never destroyed: TensorFlow's threads may still be running when the process ends.
Registry& Shards() {
  static auto* registry = new Registry();
  return *registry;
}

}  // namespace

RunControl::Progress RunControl::progress() const {
  // This order ensures that every counted turn is also announced, whatever changes between two reads.
  const int64_t done = done_;
  const int64_t announced = announced_;
  const int64_t announcing = announcing_shards_;
  if (announcing == 0) return {};
  const double total = static_cast<double>(announced) * shards_ / announcing;
  // A loop may make more turns than it announced.
  return {done, std::max<int64_t>(done, std::llround(total))};
}

RunningShard::RunningShard(const ShardControl* control, bool spreads)
    : shard_(control), control_(control->run()), spreads_(spreads) {
  Registry& registry = Shards();
  const std::lock_guard<std::shared_mutex> lock(registry.mutex);
  do {
    registry.last = registry.last == std::numeric_limits<int32_t>::max() ? 1 : registry.last + 1;
  } while (!registry.shards.emplace(registry.last, this).second);
  number_ = registry.last;
}

RunningShard::~RunningShard() {
  Registry& registry = Shards();
  const std::lock_guard<std::shared_mutex> lock(registry.mutex);
  registry.shards.erase(number_);
}

RunningShard* RunningShard::Find(int32_t number) {
  if (number == 0) return nullptr;
  Registry& registry = Shards();
  const std::shared_lock<std::shared_mutex> lock(registry.mutex);
  const auto found = registry.shards.find(number);
  return found == registry.shards.end() ? nullptr : found->second;
}

void RunningShard::Announce(int64_t turns) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    control_->announced_ += std::max<int64_t>(turns, 0);
    if (announced_) return;
    announced_ = true;
  }
  ++control_->announcing_shards_;
}

void RunningShard::Turn(const void* loop, bool more) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::find(in_turn_.begin(), in_turn_.end(), loop);
  if (found != in_turn_.end()) {
    ++control_->done_;
    if (!more) in_turn_.erase(found);
  } else if (more) {
    in_turn_.push_back(loop);
  }
}

}  // namespace ke::control
