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

// One period during which a worker was up. Objects made on the worker (sessions) are valid for this period
// only. A new process at the same address is another connection.
class Connection : public RemoteLink {
 public:
  Connection(std::string target, std::shared_ptr<DetachedThreads> threads);
  ~Connection() override;

  const std::string target;
  const std::shared_ptr<DetachedThreads> threads;

  bool lost() const { return lost_.is_set(); }
  control::Event* lost_event() { return &lost_; }
  std::string reason() const;
  // Marks the connection as lost. Further reasons are ignored.
  void Lose(const std::string& reason);

  // Sends each weight once, also if several functions call SendWeights at the same time.
  void SendWeights(const Session& session,
                   const std::vector<graph::Scope::Initializer>& initializers) override;
  // Returns the bytes of weights that were sent.
  size_t uploaded() const { return uploaded_; }

  // Ends an instance on the worker without waiting for the worker. If the connection is lost, the instance is
  // kept until Settle.
  void Discard(std::unique_ptr<Instance> instance) override;
  // Called once the worker answers again. Ends the kept instances, in case the worker is still the same
  // process.
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
