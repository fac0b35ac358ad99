// Predicts whether a function's runs are so short that the calling thread should compute them. Waking another
// thread and being woken by it costs some 50 us, several times the computation of a tiny model.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

#include "tensorflow/c_types.h"

namespace ke::runtime {

// Learns from runs of one shard in any thread. Thread-safe.
class ShortRuns {
 public:
  using Duration = std::chrono::nanoseconds;
  // The dims of all feeds, one after the other. The duration of a run depends on nothing else.
  using Sizes = std::vector<int64_t>;

  static constexpr std::chrono::microseconds kShort{100};
  // The number of consecutive short runs of the same sizes before the next run is expected to be short.
  static constexpr int kRuns = 8;
  // The maximum duration of a run that was expected to be short. After a longer run, twice as many short runs
  // are needed. The number is halved again after enough consecutive short runs.
  static constexpr std::chrono::microseconds kLong{1000};

  // `possible`: the result of DependsOnSizesAlone. If false, no run is ever expected to be short.
  explicit ShortRuns(bool possible) : possible_(possible) {}

  // Returns the CPU time of the calling thread. A run that was only interrupted by other threads therefore
  // does not count as long.
  static Duration ThreadTime();

  bool Expects(const Sizes& sizes) const;
  // `spent`: the run's ThreadTime.
  void Note(const Sizes& sizes, Duration spent);

  // Returns whether a run of any sizes is expected to be short. If false, the caller does not need to build a
  // run to ask.
  bool ExpectsAny() const;

 private:
  const bool possible_;
  mutable std::mutex mutex_;
  Sizes sizes_;  // the sizes of the last run
  int runs_ = 0;
  int needed_ = kRuns;
};

// Returns whether the sizes of the feeds alone determine how much `built` computes. That is true if the graph
// has no loops, branches or calls, and no op whose output size depends on values.
bool DependsOnSizesAlone(TF_Graph* built);

}  // namespace ke::runtime
