#pragma once

#include <atomic>
#include <memory>

namespace ke::runtime {

// Set once, from any thread; runs look at it before each shard. A kernel under way is not interrupted.
class Cancellation {
 public:
  void Cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }

 private:
  std::atomic<bool> cancelled_{false};
};

using CancellationRef = std::shared_ptr<const Cancellation>;

}  // namespace ke::runtime
