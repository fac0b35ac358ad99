// The options of one run of a compiled function.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "control/run_control.h"
#include "runtime/shared_rows.h"
#include "runtime/tensor.h"

namespace ke::runtime {

// The value of a feed, or the rows of the feed that the run reads.
struct FeedValue {
  FeedValue(TensorRef whole)  // NOLINT(google-explicit-constructor): a whole tensor is the usual value
      : tensor(std::move(whole)), dims(tensor->dims()) {}
  // `part` holds the rows of a feed of shape `whole` from row `first_row` on.
  FeedValue(TensorRef part, int64_t first_row, std::vector<int64_t> whole)
      : tensor(std::move(part)), first(first_row), dims(std::move(whole)) {}

  TensorRef tensor;
  int64_t first = 0;
  std::vector<int64_t> dims;  // the shape of the whole feed
};

// The destination of the rows of a fetch.
struct RowTarget {
  bool given = false;  // false: the run allocates the memory
  TF_DataType dtype = TF_FLOAT;
  std::vector<int64_t> dims;
  int64_t row = 0;  // the row that receives the run's first row
  // The memory of shape `dims` that the shards write. If null, the rows are checked against `dims` and
  // returned, and the caller writes the rows to memory that native threads cannot write.
  TensorRef tensor;
  // Memory that several runs write. Replaces all other fields but `row`.
  std::shared_ptr<SharedRows> shared;
};

struct RunOptions {
  int64_t shard_size = 1;
  // The run reads the rows [begin, begin + rows) of every batched feed. -1: all rows from `begin` on.
  int64_t begin = 0;
  int64_t rows = -1;
  control::RunControlRef control = nullptr;  // null: the run makes one
  std::vector<RowTarget> into = {};          // empty, or one per fetch
};

}  // namespace ke::runtime
