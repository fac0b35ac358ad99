#include "cluster/connection.h"

#include <utility>

#include "cluster/message_size.h"
#include "runtime/instance.h"
#include "runtime/tensor.h"
#include "tensorflow/library.h"

namespace ke::runtime {

using tf::C;
using Initializers = std::vector<graph::Scope::Initializer>;

namespace {

// Weights are sent to a worker in runs of at most this many bytes.
constexpr size_t kUploadBytes = size_t{64} << 20;

}  // namespace

Connection::Connection(std::string target, std::shared_ptr<DetachedThreads> threads)
    : target(std::move(target)), threads(std::move(threads)) {}

Connection::~Connection() {
  for (const std::unique_ptr<Instance>& instance : kept_) instance->LeaveOpen();
}

void Connection::SendWeights(const Session& session, const Initializers& initializers) {
  if (initializers.empty()) return;
  const std::lock_guard<std::mutex> lock(uploads_);
  std::vector<TF_Output> queries;
  for (const graph::Scope::Initializer& each : initializers) queries.push_back(each.known);
  const std::vector<tf::TensorPtr> known = session.Run({}, {}, queries);
  Initializers chunk;
  size_t bytes = 0;
  const auto flush = [&] {
    session.Initialize(chunk);
    chunk.clear();
    bytes = 0;
  };
  for (size_t i = 0; i < initializers.size(); ++i) {
    if (ToAnswer(known[i].get(), "it has the model's weights")) continue;
    const size_t size = C().TF_TensorByteSize(initializers[i].value.get());
    CheckMessageSize(size,
                     "the weight '" + std::string(C().TF_OperationName(initializers[i].feed.oper)) + "'");
    if (bytes + size > kUploadBytes) flush();
    chunk.push_back(initializers[i]);
    bytes += size;
    uploaded_ += size;
  }
  flush();
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
  // The call on the detached thread holds the last reference, so the instance is destroyed there.
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
