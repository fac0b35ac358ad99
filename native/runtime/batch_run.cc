#include "runtime/batch_run.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "runtime/memory.h"

namespace ke::runtime {

using tf::C;

namespace {

int64_t CountShards(int64_t rows, int64_t shard_size) {
  return rows <= shard_size ? 1 : (rows - 1) / shard_size + 1;
}

}  // namespace

BatchRun::BatchRun(std::shared_ptr<const CompiledFunction> function, std::vector<TensorRef> feeds,
                   int64_t rows, int64_t shard_size, control::RunControlRef control,
                   CompiledFunction::Done done)
    : ShardedJob(CountShards(rows, shard_size), std::move(control)),
      function_(std::move(function)),
      feeds_(std::move(feeds)),
      rows_(rows),
      shard_size_(shard_size),
      done_(std::move(done)),
      joined_(shards() > 1 ? function_->fetches().size() : 0) {}

void BatchRun::RunShard(int64_t shard) {
  const int64_t begin = shard * shard_size_;
  const int64_t end = std::min(rows_, begin + shard_size_);
  std::vector<TensorRef> slices;  // hold the memory during the run
  std::vector<TF_Output> inputs;
  std::vector<TF_Tensor*> values;
  for (size_t i = 0; i < feeds_.size(); ++i) {
    const CompiledFunction::Feed& feed = function_->feeds()[i];
    TensorRef slice = feed.batched ? SliceRows(feeds_[i], begin, end) : feeds_[i];
    if (feed.dtype == TF_STRING) slice = StringsFromRows(slice);
    inputs.push_back(feed.tensor);
    values.push_back(slice->handle());
    slices.push_back(std::move(slice));
  }
  std::optional<control::RunningShard> running;
  if (const TF_Output number = function_->shard_number(); number.oper != nullptr) {
    running.emplace(&control());
    const int32_t value = running->number();
    slices.push_back(Tensor::Adopt(tf::MakeTensor(TF_INT32, {}, &value)));
    inputs.push_back(number);
    values.push_back(slices.back()->handle());
  }
  std::vector<TF_Output> fetches;
  for (const CompiledFunction::Fetch& fetch : function_->fetches()) fetches.push_back(fetch.tensor);

  std::vector<tf::TensorPtr> outputs = function_->session().Run(inputs, values, fetches);

  if (rows_ >= 0) {
    for (size_t i = 0; i < outputs.size(); ++i) {
      CheckRows(function_->fetches()[i], outputs[i].get(), end - begin);
    }
  }
  if (shards() > 1) {
    for (size_t i = 0; i < outputs.size(); ++i) Join(i, outputs[i].get(), begin);
    return;
  }
  for (tf::TensorPtr& output : outputs) outputs_.push_back(OwnOutput(std::move(output)));
}

void BatchRun::CheckRows(const CompiledFunction::Fetch& fetch, const TF_Tensor* output, int64_t rows) const {
  const std::vector<int64_t> dims = tf::Dims(output);
  if (!dims.empty() && dims[0] == rows) return;
  throw tf::Error(TF_INVALID_ARGUMENT,
                  "fetch '" + fetch.name + "' has shape " + graph::ToString(graph::Shape::Of(dims)) +
                      " for " + std::to_string(rows) +
                      " rows of input; axis 0 of every fetch must be the batch's. Keep the batch axis in it.",
                  fetch.name);
}

void BatchRun::Join(size_t fetch, const TF_Tensor* output, int64_t begin) {
  std::vector<int64_t> dims = tf::Dims(output);
  dims[0] = rows_;
  TensorRef target;
  {
    const std::lock_guard<std::mutex> lock(joined_[fetch].mutex);
    if (joined_[fetch].tensor == nullptr) {
      joined_[fetch].tensor = Tensor::Allocate(C().TF_TensorType(output), dims);
    }
    target = joined_[fetch].tensor;
  }
  if (target->dims() != dims) {
    const std::string& name = function_->fetches()[fetch].name;
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "fetch '" + name + "' has rows of different shapes in different shards, " +
                        graph::ToString(graph::Shape::Of(target->dims())) + " and " +
                        graph::ToString(graph::Shape::Of(dims)) + " for all rows: they cannot be joined",
                    name);
  }
  const size_t bytes = C().TF_TensorByteSize(output);
  if (bytes == 0) return;
  std::memcpy(static_cast<char*>(target->data()) + target->row_bytes() * static_cast<size_t>(begin),
              C().TF_TensorData(output), bytes);
  CountCopiedOut(bytes);
}

void BatchRun::Finish(std::exception_ptr error) noexcept {
  feeds_.clear();
  if (error != nullptr) {
    done_({}, std::move(error));
    return;
  }
  if (shards() > 1) {
    outputs_.reserve(joined_.size());
    for (Joined& joined : joined_) outputs_.push_back(std::move(joined.tensor));
  }
  done_(std::move(outputs_), nullptr);
}

}  // namespace ke::runtime
