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

// A compiled function in one place: a session, and the graph that it runs (the function's own, or a copy of
// it for a device).
class Instance {
 public:
  // Blocks while the variables are given their values, where a server lacks them over the network.
  // `link`: of a remote placement, else null. Throws tf::Error.
  Instance(const CompiledFunction& function, const Placement& placement, RemoteLink* link);
  // Closes the session; of a server, that may block: see Session.
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // `feeds`: as the function's, then the shard's number where has_shard_number(). `spreads`: as
  // Session::Run's, where may_spread(). Throws tf::Error, also MemoryCheck's.
  std::vector<tf::TensorPtr> Run(const std::vector<TensorRef>& feeds, bool spreads = false) const;
  bool has_shard_number() const { return shard_number_.oper != nullptr; }
  // Whether its loops can have several turns under way, and its last run took long enough for other threads
  // to be woken.
  bool may_spread() const { return may_spread_ && !was_short_; }

  // Marks the session as about to close. Errors of runs in flight are then expected and are not reported.
  void MarkClosed() { closed_ = true; }
  bool closed() const { return closed_; }
  void Close() const { session_->Close(); }
  // A server that is gone would not answer to a Close.
  void LeaveOpen() { leave_open_ = true; }

 private:
  tf::GraphPtr copy_;  // before the session
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
