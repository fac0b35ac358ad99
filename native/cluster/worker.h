#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cluster/connection.h"
#include "cluster/tcp_probe.h"
#include "cluster/worker_identity.h"
#include "cluster/worker_link.h"
#include "runtime/placed_replica.h"

namespace ke::runtime {

struct WorkerOptions {
  // A worker that does not answer for this time counts as lost until the worker answers again.
  std::chrono::milliseconds timeout{30000};
  // This package's version. A worker of another version is refused.
  std::string package;
};

// A replica in another process. A thread of the replica keeps the connection up: the thread connects, reads
// the worker's identity, and then checks every half second whether the worker is still there. Every call to
// TensorFlow that may never return runs on a detached thread, so that no thread of this process waits for a
// worker that is gone.
class Worker : public PlacedReplica {
 public:
  Worker(std::string name, const Placement& placement, int64_t shards_at_once, WorkerOptions options);
  ~Worker() override;

  void Start(const std::function<void()>& changed) override;
  void Stop() override;
  ReplicaStatus::State state() const override { return link_.state(); }
  std::vector<tf::TensorPtr> Compute(const std::shared_ptr<const CompiledFunction>& function,
                                     std::vector<TensorRef> feeds, control::ShardControl* control) override;
  int callers() const override { return CallersOr(1); }
  int CallersOr(int unknown) const override;

  // Returns the bytes of weights that were sent over the current connection.
  size_t uploaded() const;

 protected:
  ReplicaCondition condition() const override { return link_.condition(); }

 private:
  using State = ReplicaStatus::State;
  using Outputs = std::vector<tf::TensorPtr>;

  void Watch();
  // Tries once to connect. Returns null if the attempt failed; the state then has the reason.
  std::shared_ptr<IdentitySession> Connect();
  // Checks the worker until the worker is lost or the replica stops.
  void KeepUp(const std::shared_ptr<IdentitySession>& identity_session, Connection* connection);
  // Blocks until there is an outcome, `connection` is lost, the worker no longer listens, the worker has been
  // silent for longer than the timeout, or the replica stops. Returns whether there is an outcome, and
  // otherwise sets `reason`. `reason` stays empty if the replica stops.
  template <typename T>
  bool Await(Awaited<T>* awaited, Connection* connection, std::string* reason);
  // Returns why no process listens at the address, as ProbeListener does; empty if a process listens.
  // `timeout` limits the connection attempts. The look-up of a name may also take as long as the worker may
  // be silent. Returns early if the replica stops.
  std::string Probe(std::chrono::milliseconds timeout);
  // Returns early if the replica stops or `connection` is lost. `connection` may be null.
  void Sleep(std::chrono::milliseconds time, const Connection* connection);
  void Fail(State state, const std::string& problem);
  void Lose(Connection* connection, const std::string& reason);
  // Ends a cancelled run by closing the session, unless the run ends by itself within kGrace.
  void Cancel(const std::shared_ptr<const CompiledFunction>& function,
              const std::shared_ptr<Connection>& connection, Awaited<Outputs>* run);

  const WorkerOptions options_;
  const Address address_;
  const std::shared_ptr<DetachedThreads> threads_;
  std::function<void()> changed_;
  WorkerLink link_;
  std::atomic<int> declared_threads_{0};  // 0 until the worker has reported the number
  std::mutex sleep_mutex_;
  std::condition_variable wake_;
  control::Event stopping_;
  std::shared_ptr<Connection> last_;  // the previous connection, which may keep instances
  std::thread thread_;
};

}  // namespace ke::runtime
