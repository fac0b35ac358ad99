#include "runtime/compiled_function.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "control/loop_ops.h"
#include "rewrite/bfloat16.h"
#include "runtime/batch_run.h"
#include "runtime/strategy.h"
#include "tensorflow/dtype.h"
#include "wire/text.h"

namespace ke::runtime {

using graph::Quote;
using graph::Shape;
using tf::C;

namespace {

// TensorFlow rewrites graphs of at most this many ops. NASNetLarge has some thousands of ops, and its
// gradient less than ten times as many.
constexpr int64_t kMostRewritten = 50'000;

// Returns whether runs may be short enough for the caller's thread. Only sessions of one op thread compute in
// the caller's thread.
bool MayBeShort(const graph::Scope& scope, const std::vector<CompiledFunction::Feed>& feeds,
                const SessionConfig& config) {
  if (config.intra_op != 1 || config.check_numerics || scope.portable()) return false;
  for (const CompiledFunction::Feed& feed : feeds) {
    if (feed.dtype == TF_STRING) return false;
  }
  return DependsOnSizesAlone(scope.graph());
}

std::string TensorName(TF_Output tensor) {
  return std::string(C().TF_OperationName(tensor.oper)) + ":" + std::to_string(tensor.index);
}

// Returns whether `dims`, of which `rows` rows run in shards of `shard_size`, fit a placeholder of shape
// `expected`. A placeholder with a fixed number of rows accepts only shards of exactly that number of rows.
bool FitsInShards(const Shape& expected, std::vector<int64_t> dims, int64_t rows, int64_t shard_size) {
  if (!dims.empty() && expected.rank() > 0) {
    const int64_t fixed = expected.dims[0];
    dims[0] = fixed == shard_size && rows % fixed == 0 ? fixed : rows;
  }
  return expected.Fits(dims);
}

// The memory of `rows` rows of a tensor, from `row` on.
struct Range {
  Range(const TensorRef& tensor, int64_t row, int64_t rows)
      : begin(static_cast<const char*>(tensor->data()) + tensor->row_bytes() * static_cast<size_t>(row)),
        end(begin + tensor->row_bytes() * static_cast<size_t>(rows)) {}
  bool Overlaps(const Range& other) const {
    const std::less<const char*> before;
    return before(begin, other.end) && before(other.begin, end);
  }

  const char* begin;
  const char* end;
};

[[noreturn]] void ThrowBadTarget(const CompiledFunction::Fetch& fetch, const std::string& problem) {
  throw tf::Error(TF_INVALID_ARGUMENT, "the target of fetch " + Quote(fetch.name) + " " + problem,
                  fetch.name);
}

[[noreturn]] void ThrowBadFeed(const CompiledFunction::Feed& feed, const std::string& problem) {
  throw tf::Error(TF_INVALID_ARGUMENT, "feed " + Quote(feed.name) + " " + problem, feed.name);
}

}  // namespace

std::shared_ptr<CompiledFunction> CompiledFunction::Compile(const trace::Trace& trace,
                                                            const std::vector<trace::SymbolId>& fetches,
                                                            const Options& options) {
  auto scope = std::make_unique<graph::Scope>();
  if (options.session.check_numerics) {
    if (options.portable) {
      throw tf::Error(TF_UNIMPLEMENTED,
                      "numerics cannot be checked on workers: a worker lacks the op for the check");
    }
    scope->CheckNumerics();
  }
  if (options.portable) scope->MakePortable();
  if (options.session.bfloat16) scope->AllowBfloat16();
  // Turns do not overlap while numerics are checked, because the checks need one order of ops. Turns do not
  // overlap on workers either, because no op of the addon runs there to read the limits of the run.
  if (!options.session.check_numerics && !options.portable) {
    scope->AllowTurnsAtOnce(options.session.turns_at_once);
  }
  std::vector<TF_Output> feeds;
  const std::vector<TF_Output> outputs = trace.Replay(scope.get(), fetches, &feeds, options.logits);
  return Build(std::move(scope), feeds, outputs, options.session, options.whole_feeds, options.logits);
}

std::shared_ptr<CompiledFunction> CompiledFunction::Build(std::unique_ptr<graph::Scope> scope,
                                                          const std::vector<TF_Output>& feeds,
                                                          const std::vector<TF_Output>& fetches,
                                                          const SessionConfig& config,
                                                          const std::vector<int32_t>& whole_feeds,
                                                          size_t logits) {
  std::vector<Feed> feed_records;
  for (const TF_Output& feed : feeds) {
    const Shape shape = scope->GetShape(feed);
    feed_records.push_back({feed, C().TF_OperationName(feed.oper), graph::Scope::GetDType(feed), shape,
                            !(shape.known_rank && shape.dims.empty())});
  }
  for (const int32_t whole : whole_feeds) {
    if (whole < 0 || whole >= static_cast<int32_t>(feed_records.size())) {
      throw tf::Error(TF_INVALID_ARGUMENT, "feed " + std::to_string(whole) +
                                               " is declared whole, but there are " +
                                               std::to_string(feed_records.size()) + " feeds");
    }
    feed_records[static_cast<size_t>(whole)].batched = false;
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
    // Each fetch is an Identity op, because TensorFlow refuses a tensor that is both fed and fetched, or
    // fetched twice.
    fetch_records.push_back(
        {scope->Op("Identity", "fetch").In(fetch).Out(), TensorName(fetch), dtype, scope->GetShape(fetch)});
  }
  std::vector<TF_Output> fed = feeds;
  std::vector<TF_Output> fetched;
  for (const Fetch& fetch : fetch_records) fetched.push_back(fetch.tensor);
  scope->Finish(&fed, &fetched);
  SessionConfig session = config;
  if (!scope->has_turns_at_once()) session.turns_at_once = 1;
  session.as_built = scope->CountOps() > kMostRewritten;
  for (size_t i = 0; i < fed.size(); ++i) feed_records[i].tensor = fed[i];
  for (size_t i = 0; i < fetched.size(); ++i) fetch_records[i].tensor = fetched[i];
  return std::shared_ptr<CompiledFunction>(new CompiledFunction(std::move(scope), std::move(feed_records),
                                                                std::move(fetch_records), session, logits));
}

CompiledFunction::CompiledFunction(std::unique_ptr<graph::Scope> scope, std::vector<Feed> feeds,
                                   std::vector<Fetch> fetches, const SessionConfig& config, size_t logits)
    : scope_(std::move(scope)),
      feeds_(std::move(feeds)),
      fetches_(std::move(fetches)),
      shard_number_(control::FindShardNumber(scope_->graph())),
      config_(config),
      short_runs_(MayBeShort(*scope_, feeds_, config)) {
  if (!config.bfloat16) return;
  std::vector<TF_Output> ends;
  for (size_t i = 0; i < std::min(logits, fetches_.size()); ++i) ends.push_back(fetches_[i].tensor);
  kept_ = graph::LogitsProducts(ends);
}

void CompiledFunction::Prepare(const Strategy& strategy) const {
  for (const Placement& placement : strategy.placements()) {
    if (!placement.remote() && placement.device.empty()) At(placement);
  }
}

std::shared_ptr<Instance> CompiledFunction::At(const Placement& placement,
                                               const std::shared_ptr<RemoteLink>& link) const {
  std::shared_ptr<Entry> entry;
  bool mine = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::shared_ptr<Entry>& known = instances_[placement.key()];
    if (known == nullptr || known->link != link) {
      known = std::make_shared<Entry>();
      known->link = link;
      mine = true;
    }
    entry = known;
  }
  if (mine) {
    try {
      auto made = std::make_unique<Instance>(*this, placement, link.get());
      if (link == nullptr) {
        entry->promise.set_value(std::move(made));
      } else {
        entry->promise.set_value(std::shared_ptr<Instance>(made.release(), [link](Instance* instance) {
          link->Discard(std::unique_ptr<Instance>(instance));
        }));
      }
    } catch (...) {
      entry->promise.set_exception(std::current_exception());
      Forget(placement, link);
    }
  }
  return entry->instance.get();
}

std::shared_ptr<Instance> CompiledFunction::Made(const Placement& placement,
                                                 const std::shared_ptr<RemoteLink>& link) const {
  std::shared_future<std::shared_ptr<Instance>> instance;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known = instances_.find(placement.key());
    if (known == instances_.end() || known->second->link != link) return nullptr;
    instance = known->second->instance;
  }
  if (instance.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return nullptr;
  try {
    return instance.get();
  } catch (...) {
    return nullptr;  // the instance could not be made
  }
}

void CompiledFunction::Forget(const Placement& placement, const std::shared_ptr<RemoteLink>& link) const {
  std::shared_ptr<Entry> forgotten;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = instances_.find(placement.key());
  if (known == instances_.end() || known->second->link != link) return;
  forgotten = std::move(known->second);
  instances_.erase(known);
}

int64_t CompiledFunction::CheckFeeds(const std::vector<FeedValue>& feeds, const RunOptions& options) const {
  if (feeds.size() != feeds_.size()) {
    std::vector<std::string_view> names;
    for (const Feed& feed : feeds_) names.push_back(feed.name);
    throw tf::Error(TF_INVALID_ARGUMENT, "the function takes " + std::to_string(feeds_.size()) + " feeds (" +
                                             graph::Join(names) + "); received " +
                                             std::to_string(feeds.size()));
  }
  int64_t whole = -1;
  int64_t rows = -1;
  const Feed* first = nullptr;
  for (size_t i = 0; i < feeds.size(); ++i) {
    const Feed& feed = feeds_[i];
    std::vector<int64_t> dims = feeds[i].dims;
    if (feed.dtype == TF_STRING) {
      if (feeds[i].tensor->dtype() != TF_UINT8 || dims.empty()) {
        ThrowBadFeed(feed, "holds strings: expected uint8 of shape (..., L), the bytes of each string");
      }
      dims.pop_back();
    } else if (feeds[i].tensor->dtype() != feed.dtype) {
      ThrowBadFeed(feed, "has another dtype: expected " + tf::DTypeName(feed.dtype) + ", received " +
                             tf::DTypeName(feeds[i].tensor->dtype()));
    }
    if (feed.batched && dims.empty()) ThrowBadFeed(feed, "is a scalar: it has no axis 0 to split");
    if (feed.batched && first == nullptr) {
      first = &feed;
      whole = dims[0];
      rows = options.rows >= 0 ? options.rows : whole - options.begin;
      if (options.begin < 0 || options.begin > whole || rows > whole - options.begin) {
        ThrowBadFeed(feed, "has " + std::to_string(whole) + " rows: the " + std::to_string(rows) +
                               " rows from row " + std::to_string(options.begin) + " on are out of range");
      }
    }
    const bool fits =
        feed.batched ? FitsInShards(feed.shape, dims, rows, options.shard_size) : feed.shape.Fits(dims);
    if (!fits) {
      ThrowBadFeed(feed, "has another shape: expected " + graph::ToString(feed.shape) + ", received " +
                             graph::ToString(Shape::Of(dims)));
    }
    if (feed.batched && dims[0] != whole) {
      ThrowBadFeed(feed, "has " + std::to_string(dims[0]) + " rows where feed " + Quote(first->name) +
                             " has " + std::to_string(whole) + ": axis 0 is the batch's in every feed");
    }
  }
  if (first == nullptr && (options.begin != 0 || options.rows >= 0)) {
    throw tf::Error(TF_INVALID_ARGUMENT, "a range of rows was asked for, but no feed has rows");
  }
  return rows;
}

void CompiledFunction::CheckTargets(const std::vector<FeedValue>& feeds, const RunOptions& options,
                                    int64_t rows) const {
  if (options.into.empty()) return;
  if (options.into.size() != fetches_.size()) {
    throw tf::Error(TF_INVALID_ARGUMENT, "there must be a target, or none, for each of " +
                                             std::to_string(fetches_.size()) + " fetches; received " +
                                             std::to_string(options.into.size()));
  }
  std::vector<Range> used;
  for (size_t i = 0; i < feeds.size(); ++i) {
    if (!feeds_[i].batched)
      used.emplace_back(feeds[i].tensor, 0, feeds[i].tensor->rows());
    else
      used.emplace_back(feeds[i].tensor, options.begin - feeds[i].first, rows);
  }
  for (size_t i = 0; i < fetches_.size(); ++i) {
    const RowTarget& target = options.into[i];
    const Fetch& fetch = fetches_[i];
    if (!target.given) continue;
    if (rows < 0) ThrowBadTarget(fetch, "has no rows to take: no feed of the function has any");
    if (target.shared != nullptr) {
      if (target.row < 0 || rows > target.shared->rows() - target.row) {
        ThrowBadTarget(fetch, "is of " + std::to_string(target.shared->rows()) + " rows: the " +
                                  std::to_string(rows) + " rows of the run, from row " +
                                  std::to_string(target.row) + " on, do not fit");
      }
      continue;
    }
    if (target.dtype != fetch.dtype) {
      ThrowBadTarget(fetch, "has another dtype: expected " + tf::DTypeName(fetch.dtype) + ", received " +
                                tf::DTypeName(target.dtype));
    }
    Shape expected = fetch.shape;
    if (expected.rank() > 0) expected.dims[0] = -1;  // the target may have more rows than the fetch
    if (target.dims.empty() || !expected.Fits(target.dims)) {
      ThrowBadTarget(fetch, "has another shape: expected " + graph::ToString(expected) + ", received " +
                                graph::ToString(Shape::Of(target.dims)));
    }
    if (target.row < 0 || target.row > target.dims[0] || rows > target.dims[0] - target.row) {
      ThrowBadTarget(fetch, "has shape " + graph::ToString(Shape::Of(target.dims)) + ": the " +
                                std::to_string(rows) + " rows of the run, from row " +
                                std::to_string(target.row) + " on, do not fit");
    }
    if (target.tensor == nullptr) continue;
    const Range range(target.tensor, target.row, rows);
    for (const Range& other : used) {
      if (range.Overlaps(other)) {
        ThrowBadTarget(fetch,
                       "shares memory with a feed or with another target: it would change under the run");
      }
    }
    used.push_back(range);
  }
}

std::shared_ptr<BatchRun> CompiledFunction::Checked(std::vector<FeedValue> feeds, RunOptions options,
                                                    Done done) {
  if (options.shard_size < 1) {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "the shard size must be 1 or more; received " + std::to_string(options.shard_size));
  }
  const int64_t rows = CheckFeeds(feeds, options);
  CheckTargets(feeds, options, rows);
  return std::make_shared<BatchRun>(shared_from_this(), std::move(feeds), rows, std::move(options),
                                    std::move(done));
}

void CompiledFunction::Run(Strategy* strategy, std::vector<FeedValue> feeds, RunOptions options, Done done) {
  strategy->Submit(Checked(std::move(feeds), std::move(options), std::move(done)));
}

std::optional<std::vector<TensorRef>> CompiledFunction::RunNow(Strategy* strategy,
                                                               std::vector<FeedValue> feeds,
                                                               RunOptions options) {
  if (!short_runs_.ExpectsAny()) return std::nullopt;
  std::vector<TensorRef> made;
  std::exception_ptr failure;
  const std::shared_ptr<BatchRun> run = Checked(
      std::move(feeds), std::move(options), [&](std::vector<TensorRef> outputs, std::exception_ptr error) {
        made = std::move(outputs);
        failure = std::move(error);
      });
  if (run->shards() != 1 || !short_runs_.Expects(run->sizes())) return std::nullopt;
  strategy->RunHere(run);
  if (failure != nullptr) std::rethrow_exception(failure);
  return made;
}

}  // namespace ke::runtime
