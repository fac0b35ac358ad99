// Refuses a run that cannot have the memory that it needs, before it begins. TensorFlow would find out in the
// middle, where some of its kernels (oneDNN's) end the process, or the system does.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "build/least_memory.h"
#include "runtime/tensor.h"

namespace ke::runtime {

// What this process is limited to, as its container, in bytes; 0 for no limit. Of the process's own limits
// (ulimit -v) and of the machine's memory it finds out itself.
void SetMemoryLimit(int64_t bytes);

// What this process could have in addition to what is mapped now, or more: free memory and swap, and what it
// holds itself, as far as its limits let it. The largest int64 where the system does not tell.
int64_t AvailableMemory();

class MemoryCheck {
 public:
  // `graph` outlives it. Walks over it.
  MemoryCheck(TF_Graph* graph, std::vector<TF_Output> feeds, std::vector<TF_Output> fetches);

  // Throws RESOURCE_EXHAUSTED, with the op of the largest tensor, where a run of these feeds needs more than
  // seven eighths of what is available. Of runs that are far from that it asks nothing; else the graph's
  // shapes are inferred for the feeds' sizes, once for the same sizes.
  void Check(const std::vector<TensorRef>& feeds) const;

 private:
  using Sizes = std::vector<std::vector<int64_t>>;

  graph::LeastMemory Need(const Sizes& sizes) const;

  TF_Graph* const graph_;
  const std::vector<TF_Output> feeds_;
  const std::vector<TF_Output> fetches_;
  double needed_per_fed_byte_ = 0;  // as far as the graph's own shapes tell
  mutable std::mutex mutex_;
  mutable Sizes last_sizes_;
  mutable graph::LeastMemory last_need_;
};

}  // namespace ke::runtime
