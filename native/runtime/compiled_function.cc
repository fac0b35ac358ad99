#include "runtime/compiled_function.h"

#include <utility>

#include "control/loop_ops.h"
#include "runtime/batch_run.h"
#include "tensorflow/dtype.h"

namespace ke::runtime {

using graph::Shape;
using tf::C;

namespace {

std::string Quote(const std::string& text) { return "'" + text + "'"; }

std::string TensorName(TF_Output tensor) {
  return std::string(C().TF_OperationName(tensor.oper)) + ":" + std::to_string(tensor.index);
}

bool Fits(const Shape& expected, const std::vector<int64_t>& dims) {
  if (!expected.known_rank) return true;
  if (expected.dims.size() != dims.size()) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (expected.dims[i] >= 0 && expected.dims[i] != dims[i]) return false;
  }
  return true;
}

[[noreturn]] void ThrowBadFeed(const CompiledFunction::Feed& feed, const std::string& problem) {
  throw tf::Error(TF_INVALID_ARGUMENT, "feed " + Quote(feed.name) + " " + problem, feed.name);
}

}  // namespace

std::shared_ptr<CompiledFunction> CompiledFunction::Compile(const trace::Trace& trace,
                                                            const std::vector<trace::SymbolId>& fetches,
                                                            const SessionConfig& config) {
  auto scope = std::make_unique<graph::Scope>();
  std::vector<TF_Output> feeds;
  const std::vector<TF_Output> outputs = trace.Replay(scope.get(), fetches, &feeds);
  return Build(std::move(scope), feeds, outputs, config);
}

std::shared_ptr<CompiledFunction> CompiledFunction::Build(std::unique_ptr<graph::Scope> scope,
                                                          const std::vector<TF_Output>& feeds,
                                                          const std::vector<TF_Output>& fetches,
                                                          const SessionConfig& config) {
  std::vector<Feed> feed_records;
  for (const TF_Output& feed : feeds) {
    const Shape shape = scope->GetShape(feed);
    feed_records.push_back({feed, C().TF_OperationName(feed.oper), graph::Scope::GetDType(feed), shape,
                            !(shape.known_rank && shape.dims.empty())});
  }
  std::vector<Fetch> fetch_records;
  for (const TF_Output& fetch : fetches) {
    const TF_DataType dtype = graph::Scope::GetDType(fetch);
    if (C().TF_DataTypeSize(dtype) == 0) {
      throw tf::Error(
          TF_INVALID_ARGUMENT,
          "fetch " + Quote(TensorName(fetch)) +
              " is of a dtype without a fixed size per element (string, variant, resource): it cannot "
              "leave the graph",
          TensorName(fetch));
    }
    // An Identity, since TensorFlow refuses a tensor that is both fed and fetched, or fetched twice.
    fetch_records.push_back({scope->Op("Identity", "fetch").In(fetch).Out(), TensorName(fetch)});
  }
  return std::shared_ptr<CompiledFunction>(
      new CompiledFunction(std::move(scope), std::move(feed_records), std::move(fetch_records), config));
}

CompiledFunction::CompiledFunction(std::unique_ptr<graph::Scope> scope, std::vector<Feed> feeds,
                                   std::vector<Fetch> fetches, const SessionConfig& config)
    : scope_(std::move(scope)),
      feeds_(std::move(feeds)),
      fetches_(std::move(fetches)),
      shard_number_(control::FindShardNumber(scope_->graph())),
      session_(scope_->graph(), config) {
  session_.Initialize(scope_->initializers());
}

int64_t CompiledFunction::CheckFeeds(const std::vector<TensorRef>& feeds) const {
  if (feeds.size() != feeds_.size()) {
    std::string names;
    for (const Feed& feed : feeds_) names += (names.empty() ? "" : ", ") + feed.name;
    throw tf::Error(TF_INVALID_ARGUMENT, "the function takes " + std::to_string(feeds_.size()) + " feeds (" +
                                             names + "); received " + std::to_string(feeds.size()));
  }
  int64_t rows = -1;
  const Feed* first = nullptr;
  for (size_t i = 0; i < feeds.size(); ++i) {
    const Feed& feed = feeds_[i];
    std::vector<int64_t> dims = feeds[i]->dims();
    if (feed.dtype == TF_STRING) {
      if (feeds[i]->dtype() != TF_UINT8 || dims.size() != 2) {
        ThrowBadFeed(feed, "is a list of strings: expected uint8 of shape (N, L), the bytes of each string");
      }
      dims.pop_back();
    } else if (feeds[i]->dtype() != feed.dtype) {
      ThrowBadFeed(feed, "has another dtype: expected " + tf::DTypeName(feed.dtype) + ", received " +
                             tf::DTypeName(feeds[i]->dtype()));
    }
    if (!Fits(feed.shape, dims)) {
      ThrowBadFeed(feed, "has another shape: expected " + graph::ToString(feed.shape) + ", received " +
                             graph::ToString(Shape::Of(dims)));
    }
    if (!feed.batched) continue;
    if (dims.empty()) ThrowBadFeed(feed, "is a scalar: it has no axis 0 to split");
    if (first == nullptr) {
      first = &feed;
      rows = dims[0];
    } else if (dims[0] != rows) {
      ThrowBadFeed(feed, "has " + std::to_string(dims[0]) + " rows where feed " + Quote(first->name) +
                             " has " + std::to_string(rows) + ": axis 0 is the batch's in every feed");
    }
  }
  return rows;
}

void CompiledFunction::Run(Executor* executor, std::vector<TensorRef> feeds, int64_t shard_size,
                           control::RunControlRef control, Done done) {
  if (shard_size < 1) {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "the shard size must be 1 or more; received " + std::to_string(shard_size));
  }
  const int64_t rows = CheckFeeds(feeds);
  executor->Submit(std::make_shared<BatchRun>(shared_from_this(), std::move(feeds), rows, shard_size,
                                              std::move(control), std::move(done)));
}

}  // namespace ke::runtime
