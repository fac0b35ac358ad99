// Where the rows of one fetch are joined: those of a run's shards, or of several runs.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/tensor.h"

namespace ke::runtime {

// Memory for a number of rows, made when the first writer shows what a row is. Thread-safe.
class SharedRows {
 public:
  explicit SharedRows(int64_t rows) : rows_(rows) {}
  explicit SharedRows(TensorRef tensor) : rows_(tensor->rows()), tensor_(std::move(tensor)) {}

  int64_t rows() const { return rows_; }
  // Null as long as nothing was written.
  TensorRef tensor() const;
  // Copies `output` to the rows from `row` on; counted as copied out. Throws INVALID_ARGUMENT, naming
  // `fetch`, where its rows are other than those that were written before.
  void Write(int64_t row, const TF_Tensor* output, const std::string& fetch);

 private:
  const int64_t rows_;
  mutable std::mutex mutex_;
  TensorRef tensor_;
};

}  // namespace ke::runtime
