#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "cluster/connection.h"
#include "runtime/replica.h"

namespace ke::runtime {

// The state of a worker and the connection of that state. Both change under one lock: the state is kUp
// exactly while there is a connection that is not lost. `Mutex` is std::mutex except in tests, which run code
// between two locked sections.
template <typename Mutex>
class BasicWorkerLink {
 public:
  using State = ReplicaStatus::State;

  State state() const { return state_; }
  ReplicaCondition condition() const {
    const std::lock_guard<Mutex> lock(mutex_);
    return {state_, problem_};
  }
  // Returns null while the worker is not up.
  std::shared_ptr<Connection> connection() const {
    const std::lock_guard<Mutex> lock(mutex_);
    return connection_;
  }

  // The transitions. Each returns whether the state has changed.

  bool Connect(std::shared_ptr<Connection> connection) {
    const std::lock_guard<Mutex> lock(mutex_);
    connection_ = std::move(connection);
    return Become(State::kUp, {});
  }
  // Records a failed attempt to connect. Has no effect if the worker is up.
  bool Fail(State state, const std::string& problem) {
    const std::lock_guard<Mutex> lock(mutex_);
    return connection_ == nullptr && Become(state, problem);
  }
  // Marks `connection`, which the caller holds, as lost. The state changes only if `connection` is still the
  // current connection.
  bool Lose(Connection* connection, const std::string& reason) {
    const std::lock_guard<Mutex> lock(mutex_);
    connection->Lose(reason);
    if (connection_.get() != connection) return false;
    connection_ = nullptr;
    return Become(State::kDown, reason);
  }

 private:
  bool Become(State state, const std::string& problem) {
    problem_ = problem;
    return state_.exchange(state) != state;
  }

  mutable Mutex mutex_;
  std::atomic<State> state_{State::kConnecting};  // written under the lock
  std::string problem_;                           // why the worker is not up
  std::shared_ptr<Connection> connection_;
};

using WorkerLink = BasicWorkerLink<std::mutex>;

}  // namespace ke::runtime
