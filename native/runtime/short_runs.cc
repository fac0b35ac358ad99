#include "runtime/short_runs.h"

#include <algorithm>
#include <ctime>
#include <string_view>

#include "ir/op_traits.h"
#include "tensorflow/library.h"
#include "tensorflow/own_op.h"

namespace ke::runtime {

using tf::C;
namespace trait = graph::trait;

namespace {

// The number of needed short runs is halved after this many times as many consecutive short runs.
constexpr int kForgiven = 8;
// The maximum number of needed short runs. At this number, a function whose runs are often long is
// practically never expected to be short.
constexpr int kMost = 1 << 20;

// An op that the caller allowed for a model may wait for anything.
bool MayWait(std::string_view op) {
  return !graph::HasAnyTrait(op, {trait::kPure, trait::kPlumbing}) && !tf::IsOwnOp(op);
}

}  // namespace

ShortRuns::Duration ShortRuns::ThreadTime() {
#ifdef CLOCK_THREAD_CPUTIME_ID
  timespec now;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0) {
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }
#endif
  return std::chrono::steady_clock::now().time_since_epoch();
}

bool ShortRuns::ExpectsAny() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return runs_ >= needed_;
}

bool ShortRuns::Expects(const Sizes& sizes) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return runs_ >= needed_ && sizes == sizes_;
}

void ShortRuns::Note(const Sizes& sizes, Duration spent) {
  if (!possible_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (sizes != sizes_) {
    sizes_ = sizes;
    runs_ = 0;
  }
  const bool was_expected = runs_ >= needed_;
  if (spent <= kShort) {
    runs_ = std::min(runs_ + 1, kForgiven * needed_);
    if (needed_ > kRuns && runs_ == kForgiven * needed_) {
      needed_ /= 2;
      runs_ = needed_;
    }
    return;
  }
  // A slightly longer run is ignored: caches may have been cold.
  if (was_expected && spent <= kLong) return;
  if (was_expected && needed_ < kMost) needed_ *= 2;
  runs_ = 0;
}

bool DependsOnSizesAlone(TF_Graph* built) {
  size_t position = 0;
  while (TF_Operation* op = C().TF_GraphNextOperation(built, &position)) {
    const char* type = C().TF_OperationOpType(op);
    if (graph::HasAnyTrait(type, {trait::kControlFlow, trait::kFindsSize}) || MayWait(type)) return false;
  }
  return true;
}

}  // namespace ke::runtime
