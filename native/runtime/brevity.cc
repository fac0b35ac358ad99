#include "runtime/brevity.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "graph/is_any_of.h"
#include "tensorflow/library.h"

namespace ke::runtime {

using tf::C;

namespace {

constexpr std::string_view kDependsOnValues[] = {
    "If",
    "StatelessIf",
    "Case",
    "StatelessCase",
    "While",
    "StatelessWhile",
    "For",
    "Switch",
    "RefSwitch",
    "Enter",
    "MapDefun",
    "PartitionedCall",
    "StatefulPartitionedCall",
    "SymbolicGradient",
    "Where",
    "Unique",
    "UniqueV2",
    "UniqueWithCounts",
    "UniqueWithCountsV2",
    "DynamicPartition",
    "NonMaxSuppression",
    "NonMaxSuppressionV2",
    "NonMaxSuppressionV3",
    "NonMaxSuppressionV4",
    "NonMaxSuppressionV5",
    "NonMaxSuppressionWithOverlaps",
    "CombinedNonMaxSuppression",
    "ReadFile",
    "DecodeImage",
    "DecodeJpeg",
    "DecodePng",
    "DecodeGif",
    "DecodeBmp",
};

}  // namespace

bool Brevity::Expects(const Sizes& sizes) const {
  if (!possible_) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  return runs_ >= needed_ && sizes == sizes_;
}

void Brevity::Note(const Sizes& sizes, Duration spent) {
  if (!possible_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (sizes != sizes_) {
    sizes_ = sizes;
    runs_ = 0;
  }
  if (spent <= kShort) {
    runs_ = std::min(runs_ + 1, needed_);
    return;
  }
  const bool was_expected = runs_ >= needed_;
  // A little late is one that was interrupted; what is much too late may be so for a reason.
  if (was_expected && spent <= kLong) return;
  if (was_expected) needed_ = needed_ > std::numeric_limits<int>::max() / 2 ? needed_ : needed_ * 2;
  runs_ = 0;
}

bool DependsOnSizesAlone(TF_Graph* built) {
  size_t position = 0;
  while (TF_Operation* op = C().TF_GraphNextOperation(built, &position)) {
    if (graph::IsAnyOf(C().TF_OperationOpType(op), kDependsOnValues)) return false;
  }
  return true;
}

}  // namespace ke::runtime
