// The communication between the two ends of a run in progress: the caller cancels the run, and the loops in
// the run's graph report their progress.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "control/event.h"

namespace ke::control {

// The control of one run. Thread-safe. A RunControl that is given to several runs cancels all of the runs and
// counts the turns of all of the runs.
class RunControl {
 public:
  struct Progress {
    int64_t done = 0;
    int64_t total = 0;
  };

  // Cancels the run. Shards that have not begun are skipped, and a loop in progress ends before its next
  // turn. The computation between two turns is not interrupted.
  void Cancel() { cancelled_.Set(); }
  bool cancelled() const { return cancelled_.is_set(); }

  // Returns the finished turns (`done`) and the expected turns (`total`) of the outermost loops with a known
  // number of turns, over all shards. `total` assumes that shards without an announcement are as long as the
  // others. `total` is exact once the loops of every shard have begun, and 0 if there is no such loop or no
  // loop has begun.
  Progress progress() const;

  // Announces a run of `shards` shards.
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

// The control of one shard. A shard is cancelled with its run or alone.
class ShardControl {
 public:
  explicit ShardControl(RunControl* run) : run_(run) {}

  void Cancel() { cancelled_.Set(); }
  bool cancelled() const { return cancelled_.is_set() || run_->cancelled(); }
  RunControl* run() const { return run_; }

  // Sets whether no other shard is running or waiting. A shard that is alone may use all threads. The value
  // can change while the shard runs.
  void SetAlone(bool alone) { alone_ = alone; }
  bool alone() const { return alone_; }

  // Calls `call` when the shard or its run is cancelled. The rules of Event::Listener apply.
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

// One shard of a run while a session computes the shard. The ops in the graph find the shard by number,
// because a session with op threads of its own runs the ops on threads that have no link to the caller.
class RunningShard {
 public:
  // `spreads`: several threads compute the shard.
  explicit RunningShard(const ShardControl* control, bool spreads = false);
  ~RunningShard();
  RunningShard(const RunningShard&) = delete;
  RunningShard& operator=(const RunningShard&) = delete;

  // Returns the shard with this number, or null. The shard exists for as long as the session computes, and
  // therefore for as long as any op of the shard runs.
  static RunningShard* Find(int32_t number);

  // Never 0. In a graph, 0 means no shard.
  int32_t number() const { return number_; }
  bool cancelled() const { return shard_->cancelled(); }
  // Returns whether the next turn of a loop may begin while other turns are in progress. Each overlapping
  // turn needs the memory of one more turn.
  bool overlaps() const { return spreads_ && shard_->alone(); }

  // Announces that a loop will make `turns` turns.
  void Announce(int64_t turns);
  // Called before each turn of a loop (`more` is true) and when the loop has ended (`more` is false). Counts
  // the turn before. `loop` is any address that identifies the loop.
  void Turn(const void* loop, bool more);
  // Counts a finished turn of a loop that does not call Turn.
  void TurnEnded() { ++control_->done_; }

 private:
  const ShardControl* const shard_;
  RunControl* const control_;
  const bool spreads_;
  int32_t number_ = 0;
  std::mutex mutex_;
  bool announced_ = false;
  std::vector<const void*> in_turn_;  // the loops in a turn; only a few
};

}  // namespace ke::control
