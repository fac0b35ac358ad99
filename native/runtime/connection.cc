#include "runtime/connection.h"

#include <utility>

#include "runtime/instance.h"

namespace ke::runtime {

Connection::Connection(std::string target, std::shared_ptr<ExpendableThreads> threads)
    : target(std::move(target)), threads(std::move(threads)) {}

Connection::~Connection() {
  for (const std::unique_ptr<Instance>& instance : kept_) instance->LeaveOpen();
}

std::string Connection::reason() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return reason_;
}

void Connection::Lose(const std::string& reason) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (reason_.empty()) reason_ = reason;
  }
  lost_.Set();
}

void Connection::Discard(std::unique_ptr<Instance> instance) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (lost() && !settled_) {
      kept_.push_back(std::move(instance));
      return;
    }
  }
  std::shared_ptr<Instance> discarded(std::move(instance));
  // The last to hold it, on that thread.
  if (!threads->TryStart([discarded] {})) discarded->LeaveOpen();
}

void Connection::Settle() {
  std::vector<std::unique_ptr<Instance>> kept;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    settled_ = true;
    kept.swap(kept_);
  }
  for (std::unique_ptr<Instance>& instance : kept) Discard(std::move(instance));
}

}  // namespace ke::runtime
