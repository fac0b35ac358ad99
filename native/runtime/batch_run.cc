#include "runtime/batch_run.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "graph/numerics_op.h"
#include "runtime/memory.h"

namespace ke::runtime {

using tf::C;

namespace {

int64_t CountShards(int64_t rows, int64_t shard_size) {
  return rows <= shard_size ? 1 : (rows - 1) / shard_size + 1;
}

}  // namespace

BatchRun::BatchRun(std::shared_ptr<const CompiledFunction> function, std::vector<FeedValue> feeds,
                   int64_t rows, RunOptions options, CompiledFunction::Done done)
    : ShardedJob(CountShards(rows, options.shard_size), options.control),
      function_(std::move(function)),
      feeds_(std::move(feeds)),
      rows_(rows),
      options_(std::move(options)),
      done_(std::move(done)),
      joined_(function_->fetches().size()),
      outputs_(joined_.size()) {
  for (size_t i = 0; i < options_.into.size(); ++i) {
    joined_[i].target = options_.into[i].tensor != nullptr;
    joined_[i].tensor = options_.into[i].tensor;
    joined_[i].row = joined_[i].target ? options_.into[i].row : 0;
  }
}

void BatchRun::RunShard(int64_t shard) {
  const int64_t begin = shard * options_.shard_size;
  const int64_t end = std::min(rows_, begin + options_.shard_size);
  std::vector<TensorRef> slices;  // hold the memory during the run
  std::vector<TF_Output> inputs;
  std::vector<TF_Tensor*> values;
  for (size_t i = 0; i < feeds_.size(); ++i) {
    const CompiledFunction::Feed& feed = function_->feeds()[i];
    const int64_t first = options_.begin - feeds_[i].first;
    TensorRef slice =
        feed.batched ? SliceRows(feeds_[i].tensor, first + begin, first + end) : feeds_[i].tensor;
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

  std::vector<tf::TensorPtr> outputs;
  try {
    outputs = function_->session().Run(inputs, values, fetches);
  } catch (graph::NumericsError& error) {
    error.row = rows_ < 0 ? -1 : begin;
    throw;
  }

  for (size_t i = 0; i < outputs.size(); ++i) {
    if (rows_ >= 0) CheckRows(i, outputs[i].get(), end - begin);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (KeepsOutput(i)) {
      outputs_[i] = OwnOutput(std::move(outputs[i]));
    } else {
      Join(i, outputs[i].get(), begin);
    }
  }
}

void BatchRun::CheckRows(size_t fetch, const TF_Tensor* output, int64_t rows) const {
  const std::string& name = function_->fetches()[fetch].name;
  std::vector<int64_t> dims = tf::Dims(output);
  const std::string shape = graph::ToString(graph::Shape::Of(dims));
  if (dims.empty() || dims[0] != rows) {
    throw tf::Error(
        TF_INVALID_ARGUMENT,
        "fetch '" + name + "' has shape " + shape + " for " + std::to_string(rows) +
            " rows of input; axis 0 of every fetch must be the batch's. Keep the batch axis in it.",
        name);
  }
  if (options_.into.empty() || !options_.into[fetch].given) return;
  const std::vector<int64_t>& target = options_.into[fetch].dims;
  dims[0] = target[0];
  if (dims == target) return;
  throw tf::Error(TF_INVALID_ARGUMENT,
                  "the target of fetch '" + name + "' has rows of another shape: the fetch has shape " +
                      shape + ", the target " + graph::ToString(graph::Shape::Of(target)),
                  name);
}

void BatchRun::Join(size_t fetch, const TF_Tensor* output, int64_t begin) {
  std::vector<int64_t> dims = tf::Dims(output);
  Joined& joined = joined_[fetch];
  TensorRef target;
  {
    const std::lock_guard<std::mutex> lock(joined.mutex);
    if (joined.tensor == nullptr) {
      dims[0] = rows_;
      joined.tensor = Tensor::Allocate(C().TF_TensorType(output), dims);
    }
    target = joined.tensor;
  }
  dims[0] = target->rows();
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
  std::memcpy(
      static_cast<char*>(target->data()) + target->row_bytes() * static_cast<size_t>(joined.row + begin),
      C().TF_TensorData(output), bytes);
  CountCopiedOut(bytes);
}

void BatchRun::Finish(std::exception_ptr error) noexcept {
  feeds_.clear();
  if (error != nullptr) {
    done_({}, std::move(error));
    return;
  }
  for (size_t i = 0; i < joined_.size(); ++i) {
    if (!joined_[i].target && shards() > 1) outputs_[i] = std::move(joined_[i].tensor);
  }
  done_(std::move(outputs_), nullptr);
}

}  // namespace ke::runtime
