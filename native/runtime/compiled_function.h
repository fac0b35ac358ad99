// A compiled graph with sessions of its own: what one traced method runs as.
#pragma once

#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "build/scope.h"
#include "runtime/instance.h"
#include "runtime/placement.h"
#include "runtime/remote_link.h"
#include "runtime/run_options.h"
#include "runtime/session.h"
#include "runtime/short_runs.h"
#include "runtime/tensor.h"
#include "trace/trace.h"

namespace ke::runtime {

class BatchRun;
class Strategy;

// Where it runs, it has an instance, made when it first runs there. The graph and the sessions go with the
// last reference: each run holds one, so that closing needs no waiting.
class CompiledFunction : public std::enable_shared_from_this<CompiledFunction> {
 public:
  struct Feed {
    TF_Output tensor;
    std::string name;
    TF_DataType dtype;
    graph::Shape shape;
    // Split along axis 0. A feed that is not goes to every shard as it is: one whose placeholder is a scalar,
    // or one that was declared whole.
    bool batched;
  };
  struct Fetch {
    TF_Output tensor;
    std::string name;  // of the tensor that the trace fetched
    TF_DataType dtype;
    graph::Shape shape;
  };
  // Called once, on one of the executor's threads (or, with the error, on none: see Run). An output whose
  // rows went into a target's memory is null.
  using Done = std::function<void(std::vector<TensorRef> outputs, std::exception_ptr error)>;

  // What the function is made for, beside its placements.
  struct Options {
    SessionConfig session = {};
    // The graph can be run by other processes: without ops of our own, so that neither its loops can be
    // stopped between two turns, nor its numerics checked.
    bool portable = false;
    // Positions of feeds that go to every shard as they are, whatever their rank.
    std::vector<int32_t> whole_feeds = {};
  };

  // Replays the trace into a graph. Blocking: for a background thread. Throws tf::Error, INVALID_ARGUMENT for
  // a fetch whose dtype has no fixed size per element and for a whole feed that does not exist, UNIMPLEMENTED
  // for a portable graph with checks.
  static std::shared_ptr<CompiledFunction> Compile(const trace::Trace& trace,
                                                   const std::vector<trace::SymbolId>& fetches,
                                                   const Options& options);
  // The same from a graph that is already built (where its numerics are checked, or it is portable: by a
  // scope that was told so before).
  static std::shared_ptr<CompiledFunction> Build(std::unique_ptr<graph::Scope> scope,
                                                 const std::vector<TF_Output>& feeds,
                                                 const std::vector<TF_Output>& fetches,
                                                 const SessionConfig& config,
                                                 const std::vector<int32_t>& whole_feeds = {});

  // Makes the instances in this process that need no device of their own, so that what goes wrong with them
  // is known early, and the first run is as fast as the others. Blocking.
  void Prepare(const Strategy& strategy) const;

  // Splits the rows asked for along axis 0 into shards of at most `options.shard_size`, runs them on the
  // replicas and joins the fetches along axis 0, in order: in memory of their own, or in the targets given.
  // Without a batched feed there is one shard. Throws INVALID_ARGUMENT, naming the feed, or the fetch whose
  // target does not fit, before anything runs; what fails later reaches `done`: TensorFlow's errors,
  // CANCELLED where `options.control` was cancelled before the last shard began or while a loop of one had
  // turns left, INVALID_ARGUMENT where a fetch does not have the rows of its shard, or rows whose shape
  // differs between shards or from its target's. Targets keep the rows of the shards that succeeded. A feed
  // of dtype string takes uint8 (N, L): N strings.
  void Run(Strategy* strategy, std::vector<FeedValue> feeds, RunOptions options, Done done);

  // As Run, but in the calling thread, and only where the run is expected to be too short for another thread
  // to be woken (short_runs.h); else nothing. Throws what would reach `done`.
  std::optional<std::vector<TensorRef>> RunNow(Strategy* strategy, std::vector<FeedValue> feeds,
                                               RunOptions options);
  ShortRuns& short_runs() const { return short_runs_; }

  const std::vector<Feed>& feeds() const { return feeds_; }
  const std::vector<Fetch>& fetches() const { return fetches_; }
  // What a graph with loops is fed with beside the feeds (control/loop_ops.h), else a null op.
  TF_Output shard_number() const { return shard_number_; }
  TF_Graph* graph() const { return scope_->graph(); }
  const std::vector<graph::Scope::Initializer>& initializers() const { return scope_->initializers(); }
  const SessionConfig& config() const { return config_; }
  // Ops that TensorFlow is to leave as they are.
  const std::vector<TF_Operation*>& kept() const { return kept_; }

  // The instance at a place, made now where there is none; while another thread makes it, this one waits.
  // `link`: of a remote placement. An instance made over another link is of no use.
  std::shared_ptr<Instance> At(const Placement& placement,
                               const std::shared_ptr<RemoteLink>& link = nullptr) const;
  // The instance that was made or is in the making; null for none. Does not wait.
  std::shared_ptr<Instance> Made(const Placement& placement, const std::shared_ptr<RemoteLink>& link) const;
  // Forgets an instance: the next to ask makes another.
  void Forget(const Placement& placement, const std::shared_ptr<RemoteLink>& link) const;

 private:
  // A run whose feeds and targets fit. Throws as Run.
  std::shared_ptr<BatchRun> Checked(std::vector<FeedValue> feeds, RunOptions options, Done done);

  // An instance, or one in the making.
  struct Entry {
    std::shared_ptr<RemoteLink> link;
    std::promise<std::shared_ptr<Instance>> promise;
    std::shared_future<std::shared_ptr<Instance>> instance = promise.get_future().share();
  };

  CompiledFunction(std::unique_ptr<graph::Scope> scope, std::vector<Feed> feeds, std::vector<Fetch> fetches,
                   const SessionConfig& config);

  // Throws where a feed does not fit; returns the rows to run, or -1 where no feed has an axis 0 to split.
  int64_t CheckFeeds(const std::vector<FeedValue>& feeds, const RunOptions& options) const;
  // Throws where a target cannot hold `rows` rows of its fetch, or where two memories that the run reads and
  // writes, or writes twice, overlap.
  void CheckTargets(const std::vector<FeedValue>& feeds, const RunOptions& options, int64_t rows) const;

  std::unique_ptr<graph::Scope> scope_;  // owns the graph, so it stands before the sessions
  std::vector<Feed> feeds_;
  std::vector<Fetch> fetches_;
  TF_Output shard_number_;
  const SessionConfig config_;
  std::vector<TF_Operation*> kept_;
  mutable ShortRuns short_runs_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<Entry>> instances_;  // by Placement::key()
};

}  // namespace ke::runtime
