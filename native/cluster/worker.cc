#include "cluster/worker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cluster/message_size.h"
#include "wire/text.h"

namespace ke::runtime {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

constexpr milliseconds kHeartbeat(500);
constexpr milliseconds kRetryRefused(2000);
// The time in which a cancelled run may end by itself before its session is closed. The next run would need
// 0.4 s for another session.
constexpr milliseconds kGrace(100);
// The time that Stop waits for calls whose results are no longer needed.
constexpr milliseconds kCloseWait(300);

std::string Versions(const std::string& package, const std::string& tensorflow) {
  return "keras-explainable " + package + " with TensorFlow " + tensorflow;
}

// Returns why a worker cannot be used for `device`; empty if the worker can be used. TensorFlow would
// silently replace a missing device by any other device.
std::string Mismatch(const WorkerIdentity& identity, const std::string& package, const std::string& device) {
  const std::string tensorflow = tf::C().TF_Version();
  if (identity.package != package || identity.tensorflow != tensorflow) {
    return "it is " + Versions(identity.package, identity.tensorflow) + ", this is " +
           Versions(package, tensorflow) + ": both must be of one version";
  }
  const std::vector<std::string>& there = identity.devices;
  if (device.empty() || there.empty() || std::find(there.begin(), there.end(), device) != there.end()) {
    return {};
  }
  return "it has no " + device + ", but " + graph::Join(there);
}

// Returns whether a session fails with this code because its server is gone, or is another process than at
// the session's creation. gRPC also reports a broken stream as cancelled or unknown, depending on which end
// broke the stream. Runs that this process cancels are handled before this check.
bool MeansLost(TF_Code code) {
  return code == TF_UNAVAILABLE || code == TF_ABORTED || code == TF_DEADLINE_EXCEEDED ||
         code == TF_CANCELLED || code == TF_UNKNOWN;
}

// Closes a session on a detached thread. If there is no thread, the server keeps the small session until the
// server ends.
void Leave(DetachedThreads* threads, const std::shared_ptr<IdentitySession>& identity_session) {
  threads->TryStart([identity_session] { identity_session->Close(); });
}

}  // namespace

Worker::Worker(std::string name, const Placement& placement, int64_t shards_at_once, WorkerOptions options)
    : PlacedReplica(std::move(name), placement, shards_at_once),
      options_(std::move(options)),
      address_(ParseAddress(placement.target)),
      threads_(DetachedThreads::Create()) {}

Worker::~Worker() { Stop(); }

void Worker::Start(const std::function<void()>& changed) {
  changed_ = changed;
  thread_ = std::thread([this] { Watch(); });
}

void Worker::Stop() {
  if (stopping_.is_set()) return;
  stopping_.Set();
  {
    const std::lock_guard<std::mutex> lock(sleep_mutex_);
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  threads_->Close(kCloseWait);
}

int Worker::CallersOr(int unknown) const {
  if (placement().callers > 0) return placement().callers;
  const int threads = declared_threads_;
  return threads > 0 ? threads : unknown;
}

size_t Worker::uploaded() const {
  const std::shared_ptr<Connection> up = link_.connection();
  return up == nullptr ? 0 : up->uploaded();
}

void Worker::Fail(State state, const std::string& problem) {
  SetProblem(problem);
  if (link_.Fail(state, problem)) changed_();
}

void Worker::Lose(Connection* connection, const std::string& reason) {
  const bool down = link_.Lose(connection, reason);
  {
    const std::lock_guard<std::mutex> lock(sleep_mutex_);
    wake_.notify_all();
  }
  if (!down) return;
  SetProblem(reason);
  changed_();
}

void Worker::Sleep(milliseconds time, const Connection* connection) {
  std::unique_lock<std::mutex> lock(sleep_mutex_);
  wake_.wait_for(lock, time,
                 [&] { return stopping_.is_set() || (connection != nullptr && connection->lost()); });
}

template <typename T>
bool Worker::Await(Awaited<T>* awaited, Connection* connection, std::string* reason) {
  const auto wake = [awaited] { awaited->Wake(); };
  const control::Event::Listener stops(&stopping_, wake);
  std::optional<control::Event::Listener> loses;
  if (connection != nullptr) loses.emplace(connection->lost_event(), wake);
  const auto abandoned = [&] { return stopping_.is_set() || (connection != nullptr && connection->lost()); };
  const Clock::time_point end = Clock::now() + options_.timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
    if (awaited->WaitFor(std::min(kHeartbeat, left), abandoned)) return true;
    if (connection != nullptr && connection->lost()) {
      *reason = connection->reason();
      return false;
    }
    if (stopping_.is_set()) return false;
    if (Clock::now() >= end) {
      *reason = "no answer for " + std::to_string(options_.timeout.count()) + " ms";
      return false;
    }
    *reason = Probe(kHeartbeat);
    if (!reason->empty()) return false;
  }
}

std::string Worker::Probe(milliseconds timeout) {
  try {
    const auto probe = CallDetached<std::string>(
        threads_.get(), [address = address_, timeout] { return ProbeListener(address, timeout); });
    const control::Event::Listener stops(&stopping_, [&] { probe->Wake(); });
    if (probe->WaitFor(options_.timeout + timeout, [&] { return stopping_.is_set(); })) return probe->Take();
    return stopping_.is_set() ? "the strategy was closed" : "its name cannot be looked up";
  } catch (const std::exception& error) {
    return error.what();
  }
}

void Worker::Watch() {
  for (;;) {
    if (stopping_.is_set()) return;
    const std::shared_ptr<IdentitySession> identity_session = Connect();
    if (identity_session == nullptr) {
      Sleep(link_.state() == State::kRefused ? kRetryRefused : kHeartbeat, nullptr);
      continue;
    }
    const auto connection = std::make_shared<Connection>(placement().target, threads_);
    if (last_ != nullptr) last_->Settle();
    if (link_.Connect(connection)) changed_();
    KeepUp(identity_session, connection.get());
    last_ = connection;
    Leave(threads_.get(), identity_session);
  }
}

std::shared_ptr<IdentitySession> Worker::Connect() {
  const std::string problem = Probe(std::min(kHeartbeat * 2, options_.timeout));
  if (!problem.empty()) {
    Fail(State::kDown, problem);
    return nullptr;
  }
  struct Met {
    std::shared_ptr<IdentitySession> identity_session;
    WorkerIdentity identity;
  };
  std::string reason;
  try {
    const auto met = CallDetached<Met>(
        threads_.get(), [target = placement().target, timeout = static_cast<int>(options_.timeout.count())] {
          Met met;
          met.identity_session = std::make_shared<IdentitySession>(target, timeout);
          try {
            met.identity = met.identity_session->Read();
          } catch (...) {
            met.identity_session->Close();  // or the server would keep the session
            throw;
          }
          return met;
        });
    if (!Await(met.get(), nullptr, &reason)) {
      Fail(State::kDown, reason.empty() ? "the strategy was closed" : reason);
      return nullptr;
    }
    Met known = met->Take();
    const std::string mismatch = Mismatch(known.identity, options_.package, placement().device);
    if (mismatch.empty()) {
      declared_threads_ = known.identity.threads;
      return known.identity_session;
    }
    Leave(threads_.get(), known.identity_session);
    Fail(State::kRefused, mismatch);
  } catch (const tf::Error& error) {
    Fail(error.code() == TF_FAILED_PRECONDITION || error.code() == TF_DATA_LOSS ? State::kRefused
                                                                                : State::kDown,
         error.what());
  } catch (const std::exception& error) {
    Fail(State::kDown, error.what());
  }
  return nullptr;
}

void Worker::KeepUp(const std::shared_ptr<IdentitySession>& identity_session, Connection* connection) {
  for (;;) {
    Sleep(kHeartbeat, connection);
    if (stopping_.is_set() || connection->lost()) return;
    std::string reason = Probe(options_.timeout);
    if (!reason.empty()) return Lose(connection, reason);
    try {
      const auto alive = CallDetached<bool>(
          threads_.get(), [identity_session] { return !identity_session->Devices().empty(); });
      if (Await(alive.get(), connection, &reason)) {
        alive->Take();
      } else if (!reason.empty()) {
        return Lose(connection, reason);
      }
    } catch (const std::exception& error) {
      return Lose(connection, error.what());
    }
  }
}

std::vector<tf::TensorPtr> Worker::Compute(const std::shared_ptr<const CompiledFunction>& function,
                                           std::vector<TensorRef> feeds, control::ShardControl* control) {
  const std::shared_ptr<Connection> connection = link_.connection();
  if (connection == nullptr || connection->lost()) throw ReplicaLost("it is not up", false);
  size_t bytes = 0;
  for (const TensorRef& feed : feeds) bytes += feed->bytes();
  CheckMessageSize(bytes, "a shard");
  const auto run = CallDetached<Outputs>(
      threads_.get(), [function, connection, feeds = std::move(feeds), placement = placement()] {
        const std::shared_ptr<Instance> instance = function->At(placement, connection);
        try {
          return instance->Run(feeds);
        } catch (const tf::Error& error) {
          if (instance->closed()) throw ReplicaLost("its session was closed", false);
          throw;
        }
      });
  const auto wake = [&] { run->Wake(); };
  const control::Event::Listener loses(connection->lost_event(), wake);
  const control::ShardControl::Listener cancels(control, wake);
  if (!run->Wait([&] { return connection->lost() || control->cancelled(); })) {
    if (connection->lost()) throw ReplicaLost(connection->reason());
    Cancel(function, connection, run.get());
    throw tf::Error(TF_CANCELLED, "the run was cancelled");
  }
  try {
    return run->Take();
  } catch (const tf::Error& error) {
    if (connection->lost()) throw ReplicaLost(connection->reason());
    if (!MeansLost(error.code())) throw;
    Lose(connection.get(), error.what());
    throw ReplicaLost(error.what());
  }
}

void Worker::Cancel(const std::shared_ptr<const CompiledFunction>& function,
                    const std::shared_ptr<Connection>& connection, Awaited<Outputs>* run) {
  if (run->WaitFor(kGrace, [&] { return connection->lost(); })) return;
  const std::shared_ptr<Instance> instance = function->Made(placement(), connection);
  if (instance == nullptr) return;  // the weights are in transfer, and the next run needs them
  instance->MarkClosed();
  function->Forget(placement(), connection);
  if (!connection->lost()) threads_->Start([instance] { instance->Close(); });
}

}  // namespace ke::runtime
