#pragma once

#include <memory>
#include <vector>

#include "runtime/compiled_function.h"
#include "runtime/executor.h"

namespace ke::runtime {

// One run of a compiled function over a batch. The batch is split into shards of rows, and the output rows
// are joined.
class BatchRun : public ShardedJob {
 public:
  // `rows` is -1 if no feed is batched. The run then has one shard, and its outputs are returned unchanged.
  // The caller has checked `options`.
  BatchRun(std::shared_ptr<const CompiledFunction> function, std::vector<FeedValue> feeds, int64_t rows,
           RunOptions options, CompiledFunction::Done done);

  // The sizes of the feeds of one shard.
  const ShortRuns::Sizes& sizes() const { return sizes_; }

 protected:
  // `replica` must be a PlacedReplica.
  void RunShards(const Shards& shards, Replica& replica, control::ShardControl* control) override;
  int64_t most_at_once() const override { return most_at_once_; }
  std::pair<int64_t, int64_t> RowsOf(const Shards& shards) const override;
  void Finish(std::exception_ptr error) noexcept override;

 private:
  // Where the shards write the rows of one fetch.
  struct Joined {
    std::shared_ptr<SharedRows> rows;
    int64_t row = 0;      // the row in `rows` that receives the run's first row
    bool target = false;  // the caller gave the memory
  };

  // Returns whether the fetch's output stays in the memory that TensorFlow allocated.
  bool KeepsOutput(size_t fetch) const { return shards() == 1 && !joined_[fetch].target; }
  void CheckOutput(size_t fetch, const TF_Tensor* output, const std::string& worker) const;
  void CheckRows(size_t fetch, const TF_Tensor* output, int64_t rows) const;

  const std::shared_ptr<const CompiledFunction> function_;
  std::vector<FeedValue> feeds_;
  const int64_t rows_;
  const ShortRuns::Sizes sizes_;
  const RunOptions options_;
  const int64_t most_at_once_;
  const CompiledFunction::Done done_;
  std::vector<Joined> joined_;
  std::vector<TensorRef> outputs_;
};

}  // namespace ke::runtime
