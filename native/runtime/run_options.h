// What one run of a compiled function is asked for, beside the function itself.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "control/run_control.h"
#include "runtime/shared_rows.h"
#include "runtime/tensor.h"

namespace ke::runtime {

// The value of a feed, or those of its rows that the run will read.
struct FeedValue {
  FeedValue(TensorRef whole)  // NOLINT(google-explicit-constructor): a whole tensor is the usual value
      : tensor(std::move(whole)), dims(tensor->dims()) {}
  // `part` holds the rows from `first_row` on of a feed of shape `whole`.
  FeedValue(TensorRef part, int64_t first_row, std::vector<int64_t> whole)
      : tensor(std::move(part)), first(first_row), dims(std::move(whole)) {}

  TensorRef tensor;
  int64_t first = 0;
  std::vector<int64_t> dims;  // of the whole feed
};

// Where the rows of a fetch go.
struct RowTarget {
  bool given = false;  // false: into memory of the run's own
  TF_DataType dtype = TF_FLOAT;
  std::vector<int64_t> dims;
  int64_t row = 0;  // of the run's first row
  // The memory of `dims`, which the shards write. Null: the rows are checked against `dims` and returned, and
  // whoever asked writes them where native threads cannot.
  TensorRef tensor;
  // In place of all but `row`: memory that several runs write.
  std::shared_ptr<SharedRows> shared;
};

struct RunOptions {
  int64_t shard_size = 1;
  // The rows [begin, begin + rows) of every batched feed; -1: all from `begin` on.
  int64_t begin = 0;
  int64_t rows = -1;
  control::RunControlRef control = nullptr;  // null: one of its own
  std::vector<RowTarget> into = {};          // empty, or one per fetch
};

}  // namespace ke::runtime
