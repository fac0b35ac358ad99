#pragma once

#include <memory>
#include <vector>

#include "runtime/compiled_function.h"
#include "runtime/executor.h"

namespace ke::runtime {

// One run of a compiled function over a batch: shards of rows in, joined rows out.
class BatchRun : public ShardedJob {
 public:
  // `rows` is -1 where no feed is batched: one shard, whose outputs are returned as they are. What `options`
  // asks for was checked.
  BatchRun(std::shared_ptr<const CompiledFunction> function, std::vector<FeedValue> feeds, int64_t rows,
           RunOptions options, CompiledFunction::Done done);

  // Of what one shard is fed with.
  const ShortRuns::Sizes& sizes() const { return sizes_; }

 protected:
  // `replica` is a PlacedReplica.
  void RunShards(const Shards& shards, Replica& replica, control::ShardControl* control) override;
  int64_t most_at_once() const override { return most_at_once_; }
  std::pair<int64_t, int64_t> RowsOf(const Shards& shards) const override;
  void Finish(std::exception_ptr error) noexcept override;

 private:
  // Where the shards write the rows of one fetch.
  struct Joined {
    std::shared_ptr<SharedRows> rows;
    int64_t row = 0;      // there, of the run's first
    bool target = false;  // the rows are not the run's own
  };

  // Whether the rows of a fetch stay where TensorFlow put them.
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
