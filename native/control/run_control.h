// What the two ends of a run tell each other while it is under way: whoever started it says that it shall
// end, the loops in its graph say how far they are.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

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
  void Cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }

  // The turns of the outermost loops that know how many they make, over all shards: those that have ended,
  // and those there will be. `total` takes shards that have said nothing yet for as long as the others; it is
  // exact once every shard's loops have begun, and 0 where there is no such loop, or none has begun.
  Progress progress() const;

  // Says that a run of so many shards will begin.
  void Expect(int64_t shards) { shards_ += shards; }

 private:
  friend class RunningShard;

  std::atomic<bool> cancelled_{false};
  std::atomic<int64_t> shards_{0};
  std::atomic<int64_t> announcing_shards_{0};
  std::atomic<int64_t> announced_{0};
  std::atomic<int64_t> done_{0};
};

using RunControlRef = std::shared_ptr<RunControl>;

// One shard of a run while a session computes it. The ops in its graph find it by number: a session with op
// threads of its own runs them on threads that know nothing of the caller.
class RunningShard {
 public:
  explicit RunningShard(RunControl* control);
  ~RunningShard();
  RunningShard(const RunningShard&) = delete;
  RunningShard& operator=(const RunningShard&) = delete;

  // The shard with this number, or null. It stays for as long as its session computes, so for any op of its.
  static RunningShard* Find(int32_t number);

  // Never 0, which a graph may hold to say that no shard is meant.
  int32_t number() const { return number_; }
  bool cancelled() const { return control_->cancelled(); }

  // A loop will make `turns`.
  void Announce(int64_t turns);
  // The loop `loop` (any address of its own) makes its next turn (`more`) or has ended. Counts the turn
  // before.
  void Turn(const void* loop, bool more);

 private:
  RunControl* const control_;
  int32_t number_ = 0;
  std::mutex mutex_;
  bool announced_ = false;
  std::vector<const void*> in_turn_;  // the loops that are in a turn: a handful
};

}  // namespace ke::control
