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
  // A worker that is silent for so long is given up, until it answers again.
  std::chrono::milliseconds timeout{30000};
  // Of this package; a worker of another version is refused.
  std::string package;
};

// A replica in another process. A thread of its own sees to it that it is up: connects, asks who it is, and
// then, every half a second, whether it is still there. Every call that TensorFlow might not return from is
// made on an detached thread: nobody here waits for a worker longer than it is known to be there.
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

  // Bytes of weights that were sent over the connection that is up.
  size_t uploaded() const;

 protected:
  ReplicaCondition condition() const override { return link_.condition(); }

 private:
  using State = ReplicaStatus::State;
  using Outputs = std::vector<tf::TensorPtr>;

  void Watch();
  // One attempt. Null where it failed; the state says how.
  std::shared_ptr<IdentitySession> Connect();
  // Until the worker is lost or the replica stops.
  void KeepUp(const std::shared_ptr<IdentitySession>& identity_session, Connection* connection);
  // Whether the outcome is there: as soon as it is, until `connection` is lost, the worker does not listen
  // any more (reason()), is silent for longer than the timeout, or the replica stops.
  template <typename T>
  bool Await(Awaited<T>* awaited, Connection* connection, std::string* reason);
  // Why nobody listens there, as ProbeListener says it; empty where somebody does. For that, `timeout`; a
  // name is looked up for as long as the worker may be silent. Returns early where the replica stops.
  std::string Probe(std::chrono::milliseconds timeout);
  // Returns early where the replica stops or `connection` is lost, which may be null.
  void Sleep(std::chrono::milliseconds time, const Connection* connection);
  void Fail(State state, const std::string& problem);
  void Lose(Connection* connection, const std::string& reason);
  // Closes the session under a run that shall end, unless that ends by itself now.
  void Cancel(const std::shared_ptr<const CompiledFunction>& function,
              const std::shared_ptr<Connection>& connection, Awaited<Outputs>* run);

  const WorkerOptions options_;
  const Address address_;
  const std::shared_ptr<DetachedThreads> threads_;
  std::function<void()> changed_;
  WorkerLink link_;
  std::atomic<int> declared_threads_{0};  // 0: not known yet
  std::mutex sleep_mutex_;
  std::condition_variable wake_;
  control::Event stopping_;
  std::shared_ptr<Connection> last_;  // the connection before, for what it keeps
  std::thread thread_;
};

}  // namespace ke::runtime
