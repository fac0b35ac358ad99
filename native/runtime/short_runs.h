// Whether a function's runs are so short that the thread which asks for one should do it itself: to wake
// another and to be woken by it costs some 50 us, several times what a tiny model computes.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

#include "tensorflow/c_types.h"

namespace ke::runtime {

// Learns from runs of one shard, made by any thread. Thread-safe.
class ShortRuns {
 public:
  using Duration = std::chrono::nanoseconds;
  // The dims of everything fed, one after the other: how long a run takes depends on nothing else.
  using Sizes = std::vector<int64_t>;

  static constexpr std::chrono::microseconds kShort{100};
  // Short runs of the same sizes, one after the other, before another is expected.
  static constexpr int kRuns = 8;
  // What an expected run may take. After a longer one it takes twice as many to expect another, which is
  // forgiven when all have been short for long enough.
  static constexpr std::chrono::microseconds kLong{1000};

  // `possible`: see DependsOnSizesAlone; else none is ever expected.
  explicit ShortRuns(bool possible) : possible_(possible) {}

  // The time that the calling thread has computed for: a run that others have interrupted is not long.
  static Duration ThreadTime();

  bool Expects(const Sizes& sizes) const;
  // `spent`: thread time.
  void Note(const Sizes& sizes, Duration spent);

  // Whether a run of some sizes is: what a run is made of need not be put together where none is.
  bool ExpectsAny() const;

 private:
  const bool possible_;
  mutable std::mutex mutex_;
  Sizes sizes_;  // of the last run
  int runs_ = 0;
  int needed_ = kRuns;
};

// Whether how much `built` computes is told by the sizes of what it is fed: it has no loops, branches or
// calls, and no op that gives as much as it finds.
bool DependsOnSizesAlone(TF_Graph* built);

}  // namespace ke::runtime
