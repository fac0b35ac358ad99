#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/memory_check.h"
#include "runtime/placement.h"
#include "runtime/session.h"
#include "runtime/tensor.h"

namespace ke::runtime {

class CompiledFunction;
class RemoteLink;

// A compiled function in one place: a session and its graph. The graph is the function's own, or a copy for a
// device.
class Instance {
 public:
  // Blocks while the variables get their values. On a server that lacks the values, the values go over the
  // network. `link`: the link of a remote placement, else null. Throws tf::Error.
  Instance(const CompiledFunction& function, const Placement& placement, RemoteLink* link);
  // Closes the session. On a server that may block: see Session.
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // `feeds`: the function's feeds, then the shard's number if has_shard_number(). `spreads`: as in
  // Session::Run; requires may_spread(). Throws tf::Error, including the errors of MemoryCheck.
  std::vector<tf::TensorPtr> Run(const std::vector<TensorRef>& feeds, bool spreads = false) const;
  bool has_shard_number() const { return shard_number_.oper != nullptr; }
  // Returns whether the turns of the graph's loops can overlap and the last run took long enough to be worth
  // waking other threads.
  bool may_spread() const { return may_spread_ && !was_short_; }

  // Marks the session as about to close. Errors of runs in flight are then expected and are not reported.
  void MarkClosed() { closed_ = true; }
  bool closed() const { return closed_; }
  void Close() const { session_->Close(); }
  // Makes the destructor leave the session open. A server that is gone would not answer to Close.
  void LeaveOpen() { leave_open_ = true; }

 private:
  tf::GraphPtr copy_;  // declared before the session, which uses the graph
  std::vector<TF_Output> feeds_;
  std::vector<TF_Output> fetches_;
  TF_Output shard_number_;
  bool may_spread_ = false;
  mutable std::atomic<bool> was_short_{false};
  std::vector<const TF_Operation*> kept_;
  std::optional<MemoryCheck> memory_check_;
  std::unique_ptr<Session> session_;
  std::atomic<bool> closed_{false};
  std::atomic<bool> leave_open_{false};
};

}  // namespace ke::runtime
