// Refuses a run that needs more memory than the process can have, before the run begins. TensorFlow would
// fail in the middle of the run, where some kernels (oneDNN's) or the system end the process.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "build/least_memory.h"
#include "runtime/tensor.h"

namespace ke::runtime {

// Sets the memory limit of this process, such as the limit of its container, in bytes; 0 for no limit. The
// process's own limits (ulimit -v) and the machine's memory are found without this call.
void SetMemoryLimit(int64_t bytes);

// Returns an upper bound of the memory that this process can have in addition to the memory that is mapped
// now: free memory and swap, plus the process's own resident memory, within the process's limits. Returns the
// largest int64 if the system does not report the memory.
int64_t AvailableMemory();

class MemoryCheck {
 public:
  // `graph` must outlive this object. The constructor walks over the graph.
  MemoryCheck(TF_Graph* graph, std::vector<TF_Output> feeds, std::vector<TF_Output> fetches);

  // Throws RESOURCE_EXHAUSTED, with the op of the largest tensor, if a run of these feeds needs more than
  // seven eighths of the available memory. A run that needs far less is not examined further. Otherwise the
  // graph's shapes are inferred for the sizes of the feeds, once for consecutive runs of the same sizes.
  void Check(const std::vector<TensorRef>& feeds) const;

 private:
  using Sizes = std::vector<std::vector<int64_t>>;

  graph::LeastMemory Need(const Sizes& sizes) const;

  TF_Graph* const graph_;
  const std::vector<TF_Output> feeds_;
  const std::vector<TF_Output> fetches_;
  double needed_per_fed_byte_ = 0;  // estimated from the graph's own shapes
  mutable std::mutex mutex_;
  mutable Sizes last_sizes_;
  mutable graph::LeastMemory last_need_;
};

}  // namespace ke::runtime
