#include "runtime/batch_run.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "runtime/placed_replica.h"
#include "tensorflow/dtype.h"

namespace ke::runtime {

using tf::C;

namespace {

int64_t CountShards(int64_t rows, int64_t shard_size) {
  return rows <= shard_size ? 1 : (rows - 1) / shard_size + 1;
}

ShortRuns::Sizes SizesOf(const CompiledFunction& function, const std::vector<FeedValue>& feeds,
                         int64_t rows) {
  ShortRuns::Sizes sizes;
  for (size_t i = 0; i < feeds.size(); ++i) {
    const std::vector<int64_t>& dims = feeds[i].dims;
    const bool batched = function.feeds()[i].batched;
    if (batched) sizes.push_back(rows);
    sizes.insert(sizes.end(), dims.begin() + (batched ? 1 : 0), dims.end());
  }
  return sizes;
}

// A placeholder with a fixed number of rows accepts only shards of exactly that number of rows.
int64_t MostAtOnce(const CompiledFunction& function) {
  for (const CompiledFunction::Feed& feed : function.feeds()) {
    if (feed.batched && feed.shape.rank() > 0 && feed.shape.dims[0] >= 0) return 1;
  }
  return std::numeric_limits<int64_t>::max();
}

}  // namespace

BatchRun::BatchRun(std::shared_ptr<const CompiledFunction> function, std::vector<FeedValue> feeds,
                   int64_t rows, RunOptions options, CompiledFunction::Done done)
    : ShardedJob(CountShards(rows, options.shard_size), options.control),
      function_(std::move(function)),
      feeds_(std::move(feeds)),
      rows_(rows),
      sizes_(SizesOf(*function_, feeds_, rows)),
      options_(std::move(options)),
      most_at_once_(MostAtOnce(*function_)),
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

std::pair<int64_t, int64_t> BatchRun::RowsOf(const Shards& shards) const {
  return {shards.begin * options_.shard_size,
          std::max<int64_t>(1, std::min(rows_, shards.end * options_.shard_size))};
}

void BatchRun::RunShards(const Shards& shards, Replica& replica, control::ShardControl* control) {
  const ShortRuns::Duration begun = ShortRuns::ThreadTime();
  const int64_t begin = shards.begin * options_.shard_size;
  const int64_t end = std::min(rows_, shards.end * options_.shard_size);
  std::vector<TensorRef> slices;
  for (size_t i = 0; i < feeds_.size(); ++i) {
    const CompiledFunction::Feed& feed = function_->feeds()[i];
    const int64_t first = options_.begin - feeds_[i].first;
    TensorRef slice =
        feed.batched ? SliceRows(feeds_[i].tensor, first + begin, first + end) : feeds_[i].tensor;
    if (feed.dtype == TF_STRING) slice = StringsFromRows(slice);
    slices.push_back(std::move(slice));
  }

  auto& placed = static_cast<PlacedReplica&>(replica);
  std::vector<tf::TensorPtr> outputs = placed.Compute(function_, std::move(slices), control);

  if (placed.placement().remote()) {
    for (size_t i = 0; i < outputs.size(); ++i) CheckOutput(i, outputs[i].get(), replica.name());
  }
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
  if (this->shards() == 1) function_->short_runs().Note(sizes_, ShortRuns::ThreadTime() - begun);
}

// A worker's output is untrusted. The dtype and the shape that the worker reports determine how the bytes are
// read, so both are checked.
void BatchRun::CheckOutput(size_t fetch, const TF_Tensor* output, const std::string& worker) const {
  const CompiledFunction::Fetch& expected = function_->fetches()[fetch];
  const TF_DataType dtype = C().TF_TensorType(output);
  const std::vector<int64_t> dims = tf::Dims(output);
  if (dtype == expected.dtype && expected.shape.Fits(dims) &&
      C().TF_TensorByteSize(output) == tf::TensorBytes(dtype, dims)) {
    return;
  }
  throw tf::Error(TF_DATA_LOSS,
                  "fetch '" + expected.name + "' came from " + worker + " as " + tf::DTypeName(dtype) +
                      " of shape " + graph::ToString(graph::Shape::Of(dims)) + "; expected " +
                      tf::DTypeName(expected.dtype) + " of shape " + graph::ToString(expected.shape),
                  expected.name);
}

void BatchRun::CheckRows(size_t fetch, const TF_Tensor* output, int64_t rows) const {
  const std::string& name = function_->fetches()[fetch].name;
  std::vector<int64_t> dims = tf::Dims(output);
  const auto shape = [&] { return graph::ToString(graph::Shape::Of(tf::Dims(output))); };
  if (dims.empty() || dims[0] != rows) {
    throw tf::Error(
        TF_INVALID_ARGUMENT,
        "fetch '" + name + "' has shape " + shape() + " for " + std::to_string(rows) +
            " rows of input; axis 0 of every fetch must be the batch's. Keep the batch axis in it.",
        name);
  }
  if (options_.into.empty() || !options_.into[fetch].given || options_.into[fetch].shared != nullptr) return;
  const std::vector<int64_t>& target = options_.into[fetch].dims;
  dims[0] = target[0];
  if (dims == target) return;
  throw tf::Error(TF_INVALID_ARGUMENT,
                  "the target of fetch '" + name + "' has rows of another shape: the fetch has shape " +
                      shape() + ", the target " + graph::ToString(graph::Shape::Of(target)),
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
