// The memory in which the rows of one fetch are joined: the rows of a run's shards, or of several runs.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/tensor.h"

namespace ke::runtime {

// Memory for a number of rows, allocated when the first writer determines the size of a row. Thread-safe.
class SharedRows {
 public:
  explicit SharedRows(int64_t rows) : rows_(rows) {}
  explicit SharedRows(TensorRef tensor) : rows_(tensor->rows()), tensor_(std::move(tensor)) {}

  int64_t rows() const { return rows_; }
  // Null until the first write.
  TensorRef tensor() const;
  // Copies `output` to the rows from `row` on. Counted as copied out. Throws INVALID_ARGUMENT, naming
  // `fetch`, if the dtype or the shape of the rows differs from the rows written before.
  void Write(int64_t row, const TF_Tensor* output, const std::string& fetch);

 private:
  const int64_t rows_;
  mutable std::mutex mutex_;
  TensorRef tensor_;
};

}  // namespace ke::runtime
