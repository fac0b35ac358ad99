#pragma once

#include <memory>
#include <vector>

#include "runtime/compiled_function.h"

namespace ke::runtime {

// One run of a compiled function over a batch: shards of rows in, joined rows out.
class BatchRun : public ShardedJob {
 public:
  // `rows` is -1 where no feed is batched: one shard, whose outputs are returned as they are.
  BatchRun(std::shared_ptr<const CompiledFunction> function, std::vector<TensorRef> feeds, int64_t rows,
           int64_t shard_size, control::RunControlRef control, CompiledFunction::Done done);

 protected:
  void RunShard(int64_t shard) override;
  void Finish(std::exception_ptr error) noexcept override;

 private:
  // The rows of one fetch: allocated when the first shard shows their shape, each shard writes its own part.
  struct Joined {
    std::mutex mutex;
    TensorRef tensor;
  };

  void CheckRows(const CompiledFunction::Fetch& fetch, const TF_Tensor* output, int64_t rows) const;
  void Join(size_t fetch, const TF_Tensor* output, int64_t begin);

  const std::shared_ptr<const CompiledFunction> function_;
  std::vector<TensorRef> feeds_;
  const int64_t rows_;
  const int64_t shard_size_;
  const CompiledFunction::Done done_;
  std::vector<TensorRef> outputs_;  // of the only shard
  std::vector<Joined> joined_;      // of several
};

}  // namespace ke::runtime
