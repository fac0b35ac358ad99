#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/event.h"
#include "runtime/expendable.h"

namespace ke::runtime {

class Instance;

// One time that a worker was up. What was made on it (sessions) is good for as long, and no longer: a new
// process at the same address is another connection.
class Connection {
 public:
  Connection(std::string target, std::shared_ptr<ExpendableThreads> threads);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::string target;
  const std::shared_ptr<ExpendableThreads> threads;
  // Held by whoever sees to it that the worker has a graph's weights, so that each is sent once.
  std::mutex uploads;
  std::atomic<size_t> uploaded{0};  // bytes of weights

  bool lost() const { return lost_.is_set(); }
  control::Event* lost_event() { return &lost_; }
  std::string reason() const;
  // The first reason is kept.
  void Lose(const std::string& reason);

  // Ends an instance on the worker without waiting for it. While the worker is gone, it is kept; with Settle,
  // called once the worker answers again, the process that it was on is told, in case it is still that one.
  void Discard(std::unique_ptr<Instance> instance);
  void Settle();

 private:
  control::Event lost_;
  mutable std::mutex mutex_;
  bool settled_ = false;
  std::string reason_;
  std::vector<std::unique_ptr<Instance>> kept_;
};

}  // namespace ke::runtime
