#include "runtime/batch_run.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace ke::runtime {

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
  for (size_t i = 0; i < joined_.size(); ++i) {
    Joined& joined = joined_[i];
    const RowTarget* const into = options_.into.empty() ? nullptr : &options_.into[i];
    joined.target = into != nullptr && (into->shared != nullptr || into->tensor != nullptr);
    if (!joined.target) {
      joined.rows = std::make_shared<SharedRows>(std::max<int64_t>(rows_, 0));
    } else {
      joined.rows = into->shared != nullptr ? into->shared : std::make_shared<SharedRows>(into->tensor);
      joined.row = into->row;
    }
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

  std::vector<tf::TensorPtr> outputs = function_->session().Run(inputs, values, fetches);

  for (size_t i = 0; i < outputs.size(); ++i) {
    if (rows_ >= 0) CheckRows(i, outputs[i].get(), end - begin);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (KeepsOutput(i)) {
      outputs_[i] = OwnOutput(std::move(outputs[i]));
    } else {
      joined_[i].rows->Write(joined_[i].row + begin, outputs[i].get(), function_->fetches()[i].name);
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
  if (options_.into.empty() || !options_.into[fetch].given || options_.into[fetch].shared != nullptr) return;
  const std::vector<int64_t>& target = options_.into[fetch].dims;
  dims[0] = target[0];
  if (dims == target) return;
  throw tf::Error(TF_INVALID_ARGUMENT,
                  "the target of fetch '" + name + "' has rows of another shape: the fetch has shape " +
                      shape + ", the target " + graph::ToString(graph::Shape::Of(target)),
                  name);
}

void BatchRun::Finish(std::exception_ptr error) noexcept {
  feeds_.clear();
  if (error != nullptr) {
    done_({}, std::move(error));
    return;
  }
  for (size_t i = 0; i < joined_.size(); ++i) {
    if (!joined_[i].target && shards() > 1) outputs_[i] = joined_[i].rows->tensor();
  }
  done_(std::move(outputs_), nullptr);
}

}  // namespace ke::runtime
