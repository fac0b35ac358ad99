// What the two ends of a run tell each other while it is under way: whoever started it says that it shall
// end, the loops in its graph say how far they are.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "control/event.h"

namespace ke::control {

// Of one run, from any thread. Given to several runs, it cancels them all and counts the turns of all.
class RunControl {
 public:
  struct Progress {
    int64_t done = 0;
    int64_t total = 0;
  };

  // Ends the run: shards that have not begun are skipped, a loop under way ends before its next turn. What is
  // computed between two turns is not interrupted.
  void Cancel() { cancelled_.Set(); }
  bool cancelled() const { return cancelled_.is_set(); }

  // The turns of the outermost loops that know how many they make, over all shards: those that have ended,
  // and those there will be. `total` takes shards that have said nothing yet for as long as the others; it is
  // exact once every shard's loops have begun, and 0 where there is no such loop, or none has begun.
  Progress progress() const;

  // Says that a run of so many shards will begin.
  void Expect(int64_t shards) { shards_ += shards; }

 private:
  friend class RunningShard;
  friend class ShardControl;

  Event cancelled_;
  std::atomic<int64_t> shards_{0};
  std::atomic<int64_t> announcing_shards_{0};
  std::atomic<int64_t> announced_{0};
  std::atomic<int64_t> done_{0};
};

using RunControlRef = std::shared_ptr<RunControl>;

// The same of one shard, which ends with its run, or alone.
class ShardControl {
 public:
  explicit ShardControl(RunControl* run) : run_(run) {}

  void Cancel() { cancelled_.Set(); }
  bool cancelled() const { return cancelled_.is_set() || run_->cancelled(); }
  RunControl* run() const { return run_; }

  // Nothing else is to be computed where this shard is: it may use all threads. That changes while it runs.
  void SetAlone(bool alone) { alone_ = alone; }
  bool alone() const { return alone_; }

  // Calls when it is cancelled from now on, as Event's.
  class Listener {
   public:
    Listener(ShardControl* control, const std::function<void()>& call)
        : own_(&control->cancelled_, call), run_(&control->run_->cancelled_, call) {}

   private:
    const Event::Listener own_;
    const Event::Listener run_;
  };

 private:
  RunControl* const run_;
  Event cancelled_;
  std::atomic<bool> alone_{false};
};

// One shard of a run while a session computes it. The ops in its graph find it by number: a session with op
// threads of its own runs them on threads that know nothing of the caller.
class RunningShard {
 public:
  // `spreads`: it is computed by several threads.
  explicit RunningShard(const ShardControl* control, bool spreads = false);
  ~RunningShard();
  RunningShard(const RunningShard&) = delete;
  RunningShard& operator=(const RunningShard&) = delete;

  // The shard with this number, or null. It stays for as long as its session computes, so for any op of its.
  static RunningShard* Find(int32_t number);

  // Never 0, which a graph may hold to say that no shard is meant.
  int32_t number() const { return number_; }
  bool cancelled() const { return shard_->cancelled(); }
  // Whether the next turn of a loop may begin while others are under way: it costs the memory of one more.
  bool overlaps() const { return spreads_ && shard_->alone(); }

  // A loop will make `turns`.
  void Announce(int64_t turns);
  // The loop `loop` (any address of its own) makes its next turn (`more`) or has ended. Counts the turn
  // before.
  void Turn(const void* loop, bool more);
  // A turn has ended, of a loop that does not call Turn.
  void TurnEnded() { ++control_->done_; }

 private:
  const ShardControl* const shard_;
  RunControl* const control_;
  const bool spreads_;
  int32_t number_ = 0;
  std::mutex mutex_;
  bool announced_ = false;
  std::vector<const void*> in_turn_;  // the loops that are in a turn: a handful
};

}  // namespace ke::control
