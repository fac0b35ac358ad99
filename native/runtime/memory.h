// Counters of this process's tensors: the only state that all environments share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ke::runtime {

struct MemoryCounters {
  int64_t live_tensors = 0;      // tensors that JavaScript holds
  int64_t live_bytes = 0;        // the bytes of these tensors
  int64_t copied_in_bytes = 0;   // copied on the way into runs, since the process began
  int64_t copied_out_bytes = 0;  // copied on the way out of runs, since the process began
};

// Each counter is exact; the four are not read at one instant.
MemoryCounters ReadMemoryCounters();

void CountLive(int64_t tensors, int64_t bytes);  // negative when tensors are released
void CountCopiedIn(size_t bytes);
void CountCopiedOut(size_t bytes);

}  // namespace ke::runtime
