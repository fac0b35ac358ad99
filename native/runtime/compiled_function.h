// A compiled graph with its sessions: the runnable form of one traced method.
#pragma once

#include <exception>
#include <functional>
#include <future>
#include <limits>
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

// A function has one instance per place where the function runs. The instance is made at the first run there.
// The graph and the sessions are destroyed with the last reference. Each run holds a reference, so closing a
// function does not need to wait for runs.
class CompiledFunction : public std::enable_shared_from_this<CompiledFunction> {
 public:
  struct Feed {
    TF_Output tensor;
    std::string name;
    TF_DataType dtype;
    graph::Shape shape;
    // Whether the feed is split along axis 0. Two kinds of feeds go to every shard unchanged: a feed whose
    // placeholder is a scalar, and a feed that was declared whole.
    bool batched;
  };
  struct Fetch {
    TF_Output tensor;
    std::string name;  // the name of the tensor that the trace fetched
    TF_DataType dtype;
    graph::Shape shape;
  };
  // Called once, on one of the executor's threads. (Errors that Run throws do not reach `done`.) An output is
  // null if its rows were written to a target's memory.
  using Done = std::function<void(std::vector<TensorRef> outputs, std::exception_ptr error)>;

  static constexpr size_t kAllFetches = std::numeric_limits<size_t>::max();

  // The properties of a function besides its placements.
  struct Options {
    SessionConfig session = {};
    // Whether other processes can run the graph. A portable graph has no ops of the addon. Therefore its
    // loops cannot be stopped between two turns, and its numerics cannot be checked.
    bool portable = false;
    // Positions of the feeds that go to every shard whole, for any rank.
    std::vector<int32_t> whole_feeds = {};
    // The number of fetches, from the first on, that are logits. Logits stay in float32 if the session
    // computes in bfloat16 (rewrite/bfloat16.h).
    size_t logits = kAllFetches;
  };

  // Replays the trace into a graph. Blocking: call Compile on a background thread. Throws tf::Error:
  // INVALID_ARGUMENT for a fetch whose dtype has no fixed size per element and for a whole feed that does not
  // exist, UNIMPLEMENTED for a portable graph with numerics checks.
  static std::shared_ptr<CompiledFunction> Compile(const trace::Trace& trace,
                                                   const std::vector<trace::SymbolId>& fetches,
                                                   const Options& options);
  // As Compile, from a graph that is already built. For a function with numerics checks, or a portable
  // function, `scope` must have been configured accordingly before the graph was built.
  static std::shared_ptr<CompiledFunction> Build(std::unique_ptr<graph::Scope> scope,
                                                 const std::vector<TF_Output>& feeds,
                                                 const std::vector<TF_Output>& fetches,
                                                 const SessionConfig& config,
                                                 const std::vector<int32_t>& whole_feeds = {},
                                                 size_t logits = kAllFetches);

  // Makes the instances of this process that have no device name. Problems with these instances are then
  // found early, and the first run is as fast as later runs. Blocking.
  void Prepare(const Strategy& strategy) const;

  // Splits the requested rows along axis 0 into shards of at most `options.shard_size`, runs the shards on
  // the replicas, and joins the fetches along axis 0 in order. The joined rows are in new memory or in the
  // given targets. Without a batched feed there is one shard.
  //
  // Throws INVALID_ARGUMENT before anything runs if a feed or a target does not fit. The error names the
  // feed, or the fetch of the target. Later failures are passed to `done`: TensorFlow's errors; CANCELLED if
  // `options.control` was cancelled before the last shard began, or while a loop of a shard had turns left;
  // INVALID_ARGUMENT if the number of rows of a fetch differs from the number of rows of its shard, or the
  // shape of the rows differs between shards or from the target's.
  //
  // Targets keep the rows of the shards that succeeded. A feed of dtype string takes uint8 of shape (N, L): N
  // strings.
  void Run(Strategy* strategy, std::vector<FeedValue> feeds, RunOptions options, Done done);

  // As Run, but in the calling thread. Runs only if the run is expected to be too short to be worth waking
  // another thread (short_runs.h), and otherwise returns nothing. Throws the errors that Run passes to
  // `done`.
  std::optional<std::vector<TensorRef>> RunNow(Strategy* strategy, std::vector<FeedValue> feeds,
                                               RunOptions options);
  ShortRuns& short_runs() const { return short_runs_; }

  const std::vector<Feed>& feeds() const { return feeds_; }
  const std::vector<Fetch>& fetches() const { return fetches_; }
  // The op that a graph with loops is fed with, in addition to the feeds (control/loop_ops.h); otherwise a
  // null op.
  TF_Output shard_number() const { return shard_number_; }
  TF_Graph* graph() const { return scope_->graph(); }
  const std::vector<graph::Scope::Initializer>& initializers() const { return scope_->initializers(); }
  const SessionConfig& config() const { return config_; }
  // Ops that TensorFlow must not rewrite.
  const std::vector<TF_Operation*>& kept() const { return kept_; }

  // Returns the instance at a place, and makes the instance if there is none. Blocks while another thread
  // makes the instance. `link` is the link of a remote placement. An instance that was made over another link
  // is replaced.
  std::shared_ptr<Instance> At(const Placement& placement,
                               const std::shared_ptr<RemoteLink>& link = nullptr) const;
  // Returns the instance if the instance is ready, else null. Does not block.
  std::shared_ptr<Instance> Made(const Placement& placement, const std::shared_ptr<RemoteLink>& link) const;
  // Discards an instance. The next call of At makes another.
  void Forget(const Placement& placement, const std::shared_ptr<RemoteLink>& link) const;

 private:
  // Checks the feeds and the targets and returns the run. Throws as Run.
  std::shared_ptr<BatchRun> Checked(std::vector<FeedValue> feeds, RunOptions options, Done done);

  // An instance that is ready or is being made.
  struct Entry {
    std::shared_ptr<RemoteLink> link;
    std::promise<std::shared_ptr<Instance>> promise;
    std::shared_future<std::shared_ptr<Instance>> instance = promise.get_future().share();
  };

  CompiledFunction(std::unique_ptr<graph::Scope> scope, std::vector<Feed> feeds, std::vector<Fetch> fetches,
                   const SessionConfig& config, size_t logits);

  // Throws if a feed does not fit. Returns the number of rows to run, or -1 if no feed has an axis 0 to
  // split.
  int64_t CheckFeeds(const std::vector<FeedValue>& feeds, const RunOptions& options) const;
  // Throws if a target cannot hold `rows` rows of its fetch. Throws also if a target's memory overlaps a
  // feed's memory or another target's memory.
  void CheckTargets(const std::vector<FeedValue>& feeds, const RunOptions& options, int64_t rows) const;

  std::unique_ptr<graph::Scope> scope_;  // owns the graph, so the scope is declared before the sessions
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
