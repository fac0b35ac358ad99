#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cluster/detached_threads.h"
#include "control/event.h"
#include "runtime/remote_link.h"

namespace ke::runtime {

// One time that a worker was up. What was made on it (sessions) is good for as long, and no longer: a new
// process at the same address is another connection.
class Connection : public RemoteLink {
 public:
  Connection(std::string target, std::shared_ptr<DetachedThreads> threads);
  ~Connection() override;

  const std::string target;
  const std::shared_ptr<DetachedThreads> threads;

  bool lost() const { return lost_.is_set(); }
  control::Event* lost_event() { return &lost_; }
  std::string reason() const;
  // The first reason is kept.
  void Lose(const std::string& reason);

  // Sends each weight once, also where several functions ask at the same time.
  void SendWeights(const Session& session,
                   const std::vector<graph::Scope::Initializer>& initializers) override;
  // Bytes of weights that were sent.
  size_t uploaded() const { return uploaded_; }

  // Ends an instance on the worker without waiting for it. While the worker is gone, it is kept; with Settle,
  // called once the worker answers again, the process that it was on is told, in case it is still that one.
  void Discard(std::unique_ptr<Instance> instance) override;
  void Settle();

 private:
  std::mutex uploads_;
  std::atomic<size_t> uploaded_{0};
  control::Event lost_;
  mutable std::mutex mutex_;
  bool settled_ = false;
  std::string reason_;
  std::vector<std::unique_ptr<Instance>> kept_;
};

}  // namespace ke::runtime
