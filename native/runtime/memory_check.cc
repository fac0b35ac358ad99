#include "runtime/memory_check.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <limits>
#include <sstream>
#include <string>
#include <utility>

#include "wire/input_file.h"

namespace ke::runtime {

namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();
// Runs that need less are never refused, so that small runs need no check.
constexpr double kSmall = 256.0 * (1 << 20);
// If axes other than the rows are unknown, the graph's own shapes may account for only a quarter of the
// tensors' real bytes.
constexpr double kUncertainty = 4;

// The share of the available memory that tensors may take. The rest is for memory that a lower bound does not
// count: kernels' workspaces, packed weights, the program itself. If these allocations fail, TensorFlow
// throws through frames that leave their locks locked.
constexpr double kForTensors = 7.0 / 8;

std::atomic<int64_t> memory_limit{0};

// Returns the bytes that are left under the soft limit of `resource`, of which `used` bytes are taken.
int64_t Left(int resource, int64_t used) {
  rlimit limit{};
  if (getrlimit(static_cast<decltype(RLIMIT_AS)>(resource), &limit) != 0) return kUnlimited;
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > static_cast<rlim_t>(kUnlimited)) return kUnlimited;
  return std::max<int64_t>(0, static_cast<int64_t>(limit.rlim_cur) - used);
}

// Returns the content of a file of the system as a stream; an empty stream if there is no such file.
std::istringstream OpenSystemFile(const std::string& path) {
  constexpr int64_t kMost = 1 << 20;
  const graph::InputFile file(path);
  return std::istringstream(file.is_open() ? file.ReadToEnd(kMost) : std::string());
}

// Returns the free memory and swap of the machine as Linux reports them, and kUnlimited on other systems.
int64_t FreeOfMachine() {
  std::istringstream file = OpenSystemFile("/proc/meminfo");
  int64_t free = 0;
  int found = 0;
  std::string name;
  int64_t kilobytes = 0;
  std::string unit;
  while (found < 2 && file >> name >> kilobytes && std::getline(file, unit)) {
    if (name != "MemAvailable:" && name != "SwapFree:") continue;
    free += kilobytes * 1024;
    ++found;
  }
  return found == 2 ? free : kUnlimited;
}

std::string Gigabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", bytes / 1e9);
  return text;
}

}  // namespace

void SetMemoryLimit(int64_t bytes) { memory_limit = bytes; }

int64_t AvailableMemory() {
  int64_t mapped = 0;
  int64_t resident = 0;
  int64_t ignored = 0;
  int64_t data = 0;
  const int64_t page = sysconf(_SC_PAGESIZE);
  OpenSystemFile("/proc/self/statm") >> mapped >> resident >> ignored >> ignored >> ignored >> data;
  int64_t available = FreeOfMachine();
  if (available != kUnlimited) available += resident * page;
  const int64_t limit = memory_limit;
  if (limit > 0) available = std::min(available, limit);
  available = std::min(available, Left(RLIMIT_AS, mapped * page));
  return std::min(available, Left(RLIMIT_DATA, data * page));
}

MemoryCheck::MemoryCheck(TF_Graph* graph, std::vector<TF_Output> feeds, std::vector<TF_Output> fetches)
    : graph_(graph), feeds_(std::move(feeds)), fetches_(std::move(fetches)) {
  double fed = 0;
  for (const TF_Output& feed : feeds_) fed += graph::LeastBytes(graph_, feed);
  if (fed > 0) needed_per_fed_byte_ = graph::FindLeastMemory(graph_, feeds_, fetches_).bytes / fed;
}

void MemoryCheck::Check(const std::vector<TensorRef>& feeds) const {
  double fed = 0;
  for (size_t i = 0; i < feeds_.size(); ++i) fed += static_cast<double>(feeds[i]->bytes());
  const double estimate = fed * needed_per_fed_byte_ * kUncertainty;
  if (estimate < kSmall) return;
  const auto available = static_cast<double>(AvailableMemory());
  if (estimate < available * kForTensors) return;
  Sizes sizes;
  for (size_t i = 0; i < feeds_.size(); ++i) sizes.push_back(feeds[i]->dims());
  const graph::LeastMemory need = Need(sizes);
  if (need.bytes <= available * kForTensors) return;
  throw tf::Error(TF_RESOURCE_EXHAUSTED,
                  "the run holds at least " + Gigabytes(need.bytes) + " of tensors at once (the largest, " +
                      ToString(need.largest_shape) + ", has " + Gigabytes(need.largest_bytes) +
                      "), and this process can have " + Gigabytes(available) +
                      ": run fewer rows at once, or smaller inputs",
                  need.largest_op);
}

graph::LeastMemory MemoryCheck::Need(const Sizes& sizes) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (sizes == last_sizes_) return last_need_;
  try {
    last_need_ = graph::FindLeastMemory(graph_, feeds_, fetches_, sizes);
  } catch (const tf::Error&) {
    // Errors about these sizes, or about the size of the graph, are reported by the run.
    last_need_ = {};
  }
  last_sizes_ = sizes;
  return last_need_;
}

}  // namespace ke::runtime
