#include "runtime/memory.h"

#include <atomic>

namespace ke::runtime {

namespace {

std::atomic<int64_t> live_tensors{0};
std::atomic<int64_t> live_bytes{0};
std::atomic<int64_t> copied_in_bytes{0};
std::atomic<int64_t> copied_out_bytes{0};

}  // namespace

MemoryCounters ReadMemoryCounters() { return {live_tensors, live_bytes, copied_in_bytes, copied_out_bytes}; }

void CountLive(int64_t tensors, int64_t bytes) {
  live_tensors += tensors;
  live_bytes += bytes;
}

void CountCopiedIn(size_t bytes) { copied_in_bytes += static_cast<int64_t>(bytes); }
void CountCopiedOut(size_t bytes) { copied_out_bytes += static_cast<int64_t>(bytes); }

}  // namespace ke::runtime
