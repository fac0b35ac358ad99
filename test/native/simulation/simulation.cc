#include "simulation/simulation.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <queue>
#include <random>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/compiled_function.h"
#include "runtime/placed_replica.h"
#include "runtime/strategy.h"

namespace ke::test {

namespace {

using graph::Scope;
using graph::Shape;
using runtime::CompiledFunction;
using runtime::ReplicaLost;
using runtime::ReplicaStatus;
using runtime::TensorRef;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr int kWidth = 16;

Clock::duration Milliseconds(double ms) {
  return std::chrono::duration_cast<Clock::duration>(Seconds(ms / 1000));
}

// The function that a replica would compute.
float Answer(float x) { return 2 * x + 1; }

class SimulatedReplica : public runtime::PlacedReplica {
 public:
  SimulatedReplica(int number, const SimulationOptions& options)
      : PlacedReplica("simulated://" + std::to_string(number), {"simulated", "", 1}, 1),
        options_(options),
        random_(options.seed * 100003U + static_cast<unsigned>(number)),
        shard_ms_(options.shard_ms * std::exp(options.unequal * Normal())) {}

  void Start(const std::function<void()>& changed) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    changed_ = changed;
  }
  void Stop() override { stopped_ = true; }
  ReplicaStatus::State state() const override { return state_; }

  std::vector<tf::TensorPtr> Compute(const std::shared_ptr<const CompiledFunction>&,
                                     std::vector<TensorRef> feeds, control::ShardControl* control) override {
    const int life = life_;
    if (state_ != ReplicaStatus::State::kUp) throw ReplicaLost("it is not up", false);
    const TensorRef& x = feeds.at(0);
    const double share = static_cast<double>(x->rows()) / options_.shard_size;
    const double ms = share * Draw();
    const Clock::time_point end = Clock::now() + Milliseconds(ms);
    {
      const control::ShardControl::Listener cancels(control, [this] {
        const std::lock_guard<std::mutex> lock(mutex_);
        wake_.notify_all();
      });
      std::unique_lock<std::mutex> lock(mutex_);
      for (;;) {
        const Clock::time_point now = Clock::now();
        if (life_ != life) throw ReplicaLost("it has died");
        if (control->cancelled()) throw tf::Error(TF_CANCELLED, "the run was cancelled");
        // A dead replica does not answer. The run ends when the death is noticed.
        if (now >= end && alive_) break;
        if (alive_) {
          wake_.wait_until(lock, end);
        } else {
          wake_.wait(lock);
        }
      }
    }
    useful_us_ += static_cast<int64_t>(ms * 1000);
    std::vector<tf::TensorPtr> outputs;
    outputs.push_back(tf::AllocateTensor(TF_FLOAT, x->dims()));
    const auto* from = static_cast<const float*>(x->data());
    auto* to = static_cast<float*>(tf::C().TF_TensorData(outputs[0].get()));
    std::transform(from, from + x->bytes() / sizeof(float), to, Answer);
    return outputs;
  }

  // Called by the thread of FailurePlan.
  void Die() {
    const std::lock_guard<std::mutex> lock(mutex_);
    alive_ = false;
    died_ = Clock::now();
  }
  void Notice() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++life_;
      state_ = ReplicaStatus::State::kDown;
      wake_.notify_all();
    }
    ReportChange();
  }
  void Return() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      down_us_ += std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - died_).count();
      alive_ = true;
      state_ = ReplicaStatus::State::kUp;
    }
    ReportChange();
  }

  // Return the microseconds that the replica spent on returned shards, and the microseconds that the replica
  // was dead, up to `now`.
  int64_t useful_us() const { return useful_us_; }
  int64_t down_us(Clock::time_point now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto since = alive_ ? Clock::duration(0) : now - died_;
    return down_us_ + std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  }

 private:
  void ReportChange() {
    std::function<void()> changed;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      changed = changed_;
    }
    if (!stopped_ && changed) changed();
  }

  double Normal() { return std::normal_distribution<double>()(random_); }
  double Draw() {
    double ms = shard_ms_ * std::exp(options_.spread * Normal());
    if (std::uniform_real_distribution<double>()(random_) < options_.stragglers) {
      ms *= options_.straggler_factor;
    }
    return ms;
  }

  const SimulationOptions& options_;
  std::mt19937 random_;  // used by the replica's only caller
  const double shard_ms_;
  std::function<void()> changed_ = [] {};
  std::atomic<bool> stopped_{false};
  std::atomic<ReplicaStatus::State> state_{ReplicaStatus::State::kUp};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool alive_ = true;
  std::atomic<int> life_{0};
  Clock::time_point died_;
  int64_t down_us_ = 0;
  std::atomic<int64_t> useful_us_{0};
};

// A thread that lets replicas die and come back at random times.
class FailurePlan {
 public:
  FailurePlan(std::vector<std::shared_ptr<SimulatedReplica>> replicas, const SimulationOptions& options)
      : replicas_(std::move(replicas)), options_(options), random_(options.seed) {
    if (options_.mtbf_s <= 0) return;
    for (size_t i = 0; i < replicas_.size(); ++i) Plan(i, Kind::kDie, options_.mtbf_s * 1000);
    thread_ = std::thread([this] { Run(); });
  }
  ~FailurePlan() { Stop(); }

  void Stop() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      wake_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }
  int64_t deaths() const { return deaths_; }

 private:
  enum class Kind { kDie, kNotice, kReturn };
  struct Event {
    Clock::time_point time;
    size_t replica;
    Kind kind;
    bool operator<(const Event& other) const { return time > other.time; }  // the earliest event is on top
  };

  void Plan(size_t replica, Kind kind, double mean_ms) {
    const double ms = std::exponential_distribution<double>(1 / std::max(mean_ms, 1e-3))(random_);
    events_.push({Clock::now() + Milliseconds(ms), replica, kind});
  }

  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stopping_) {
      if (events_.top().time > Clock::now()) {
        wake_.wait_until(lock, events_.top().time);
        continue;
      }
      const Event event = events_.top();
      events_.pop();
      SimulatedReplica* const replica = replicas_[event.replica].get();
      switch (event.kind) {
        case Kind::kDie:
          ++deaths_;
          replica->Die();
          events_.push({Clock::now() + Milliseconds(std::uniform_real_distribution<double>(
                                           0, options_.notice_ms)(random_)),
                        event.replica, Kind::kNotice});
          break;
        case Kind::kNotice:
          replica->Notice();
          Plan(event.replica, Kind::kReturn, options_.outage_ms);
          break;
        case Kind::kReturn:
          replica->Return();
          Plan(event.replica, Kind::kDie, options_.mtbf_s * 1000);
          break;
      }
    }
  }

  const std::vector<std::shared_ptr<SimulatedReplica>> replicas_;
  const SimulationOptions& options_;
  std::mt19937 random_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::priority_queue<Event> events_;
  std::atomic<int64_t> deaths_{0};
  std::thread thread_;
};

struct Outcome {
  std::vector<TensorRef> outputs;
  std::string error;
};

// A batch in flight. The values of its rows count up from `first`.
struct Batch {
  int64_t first = 0;
  std::future<Outcome> outcome;
};

// The graph is never run, because simulated replicas only wait.
std::shared_ptr<CompiledFunction> MakeFunction() {
  auto scope = std::make_unique<Scope>();
  const TF_Output x = scope->Placeholder(TF_FLOAT, Shape::Of({-1, kWidth}), "x");
  const TF_Output y = scope->Op("Neg", "y").In(x).Out();
  return CompiledFunction::Build(std::move(scope), {x}, {y}, {});
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Returns a row's number, reduced to the integers that a float represents exactly.
float Mark(int64_t row) { return static_cast<float>(row % (1 << 22)); }

}  // namespace

SimulationResult Simulate(const SimulationOptions& options) {
  std::vector<std::shared_ptr<SimulatedReplica>> replicas;
  for (int i = 0; i < options.replicas; ++i) {
    replicas.push_back(std::make_shared<SimulatedReplica>(i, options));
  }
  const auto function = MakeFunction();
  runtime::Strategy strategy({replicas.begin(), replicas.end()},
                             {options.retries, std::chrono::milliseconds(options.timeout_ms)});
  FailurePlan failure_plan(replicas, options);  // destroyed before the strategy, whose replicas it calls
  const int64_t rows = int64_t{options.replicas} * options.shards_per_replica * options.shard_size;

  SimulationResult result;
  std::deque<Batch> in_flight;
  int64_t submitted = 0;
  const auto submit = [&] {
    TensorRef x = runtime::Tensor::Allocate(TF_FLOAT, {rows, kWidth});
    auto* values = static_cast<float*>(x->data());
    for (int64_t i = 0; i < rows * kWidth; ++i) values[i] = Mark(submitted + i / kWidth);
    auto promise = std::make_shared<std::promise<Outcome>>();
    in_flight.push_back({submitted, promise->get_future()});
    submitted += rows;
    function->Run(&strategy, {std::move(x)}, {.shard_size = options.shard_size},
                  [promise](std::vector<TensorRef> outputs, const std::exception_ptr& error) {
                    Outcome outcome{std::move(outputs), {}};
                    try {
                      if (error != nullptr) std::rethrow_exception(error);
                    } catch (const std::exception& e) {
                      outcome.error = e.what();
                    }
                    promise->set_value(std::move(outcome));
                  });
  };
  // Receives the oldest batch. Batches are received in order, as in the engine.
  const auto receive = [&] {
    Batch batch = std::move(in_flight.front());
    in_flight.pop_front();
    const Outcome outcome = batch.outcome.get();
    ++result.batches;
    result.samples += rows;
    if (!outcome.error.empty()) {
      ++result.failed_batches;
      result.lost_samples += rows;
      if (result.first_error.empty()) result.first_error = outcome.error;
      return;
    }
    const TensorRef& y = outcome.outputs.at(0);
    const auto* values = static_cast<const float*>(y->data());
    int64_t wrong = std::max<int64_t>(0, rows - y->rows());
    for (int64_t i = 0; i < std::min(rows, y->rows()); ++i) {
      const float expected = Answer(Mark(batch.first + i));
      const bool right = std::all_of(values + i * kWidth, values + (i + 1) * kWidth,
                                     [expected](float value) { return value == expected; });
      if (!right) ++wrong;
    }
    result.lost_samples += wrong;
    if (wrong > 0 || y->rows() != rows) result.in_order = false;
  };

  struct Reading {
    Clock::time_point time;
    double cpu = 0;
    int64_t shards = 0;
    int64_t useful_us = 0;
    int64_t down_us = 0;
  };
  const auto read = [&] {
    Reading reading{Clock::now(), CpuSeconds()};
    for (const ReplicaStatus& status : strategy.status()) reading.shards += status.shards;
    for (const auto& replica : replicas) {
      reading.useful_us += replica->useful_us();
      reading.down_us += replica->down_us(reading.time);
    }
    return reading;
  };

  // The time of the first two shards of each replica is not measured, because threads are starting.
  const Clock::time_point counted = Clock::now() + Milliseconds(2 * options.shard_ms);
  const Clock::time_point end = counted + Milliseconds(options.seconds * 1000);
  Reading begin{};
  while (Clock::now() < end) {
    while (static_cast<int>(in_flight.size()) < options.in_flight) submit();
    receive();
    if (begin.time == Clock::time_point() && Clock::now() >= counted) begin = read();
  }
  const Reading last = read();
  while (!in_flight.empty()) receive();

  const double us = Seconds(last.time - begin.time).count() * 1e6;
  const double useful = static_cast<double>(last.useful_us - begin.useful_us);
  const double shards = static_cast<double>(last.shards - begin.shards);
  const double all = us * options.replicas;
  result.seconds = us * 1e-6;
  result.shards_per_second = shards / result.seconds;
  result.efficiency = useful / all;
  result.efficiency_up = useful / (all - static_cast<double>(last.down_us - begin.down_us));
  result.client_cpu_us = (last.cpu - begin.cpu) * 1e6 / std::max(1.0, shards);
  result.client_cores = (last.cpu - begin.cpu) / result.seconds;
  failure_plan.Stop();
  result.deaths = failure_plan.deaths();
  for (const ReplicaStatus& status : strategy.status()) result.retried_shards += status.failures;
  strategy.Stop();
  return result;
}

std::string ToJson(const SimulationOptions& options, const SimulationResult& result) {
  std::ostringstream text;
  text.precision(4);
  text << "{\"replicas\": " << options.replicas << ", \"shardMs\": " << options.shard_ms
       << ", \"mtbfS\": " << options.mtbf_s << ", \"shardsPerReplica\": " << options.shards_per_replica
       << ", \"inFlight\": " << options.in_flight << ", \"seconds\": " << result.seconds
       << ", \"shardsPerSecond\": " << result.shards_per_second << ", \"efficiency\": " << result.efficiency
       << ", \"efficiencyUp\": " << result.efficiency_up << ", \"clientCpuUs\": " << result.client_cpu_us
       << ", \"clientCores\": " << result.client_cores << ", \"deaths\": " << result.deaths
       << ", \"retriedShards\": " << result.retried_shards << ", \"batches\": " << result.batches
       << ", \"failedBatches\": " << result.failed_batches << std::boolalpha
       << ", \"samples\": " << result.samples << ", \"lostSamples\": " << result.lost_samples
       << ", \"inOrder\": " << result.in_order << "}";
  return text.str();
}

}  // namespace ke::test
