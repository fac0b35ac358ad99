// The threads that run shards and jobs: their order, their failures, and what becomes of those that wait.
#include "runtime/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "runtime/background.h"
#include "runtime/strategy.h"
#include "tensorflow/error.h"

namespace ke::runtime {
namespace {

class CountingJob : public ShardedJob {
 public:
  CountingJob(int64_t shards, std::function<void(int64_t)> run, std::promise<std::exception_ptr>* finished)
      : ShardedJob(shards, nullptr), run_(std::move(run)), finished_(finished) {}

 protected:
  void RunShards(const Shards& shards, Replica&, control::ShardControl*) override { run_(shards.begin); }
  void Finish(std::exception_ptr error) noexcept override { finished_->set_value(error); }

 private:
  std::function<void(int64_t)> run_;
  std::promise<std::exception_ptr>* finished_;
};

TEST(Executor, BeginsShardsInOrderOfJobsAndNumbers) {
  Strategy strategy(1);
  std::vector<int64_t> order;
  std::promise<std::exception_ptr> finished[3];
  std::promise<void> gate;
  auto open = gate.get_future().share();
  for (int job = 0; job < 3; ++job) {
    strategy.Submit(std::make_shared<CountingJob>(
        3,
        [&order, open, job](int64_t shard) {
          open.wait();
          order.push_back(10 * job + shard);
        },
        &finished[job]));
  }
  gate.set_value();
  for (auto& promise : finished) promise.get_future().wait();
  EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2, 10, 11, 12, 20, 21, 22}));
}

TEST(Executor, KeepsTheErrorOfTheFirstFailedShardAndSkipsTheRest) {
  Strategy strategy(1);
  std::atomic<int> runs{0};
  std::promise<std::exception_ptr> finished;
  strategy.Submit(std::make_shared<CountingJob>(
      100,
      [&](int64_t shard) {
        ++runs;
        if (shard >= 2) throw tf::Error(TF_ABORTED, "shard " + std::to_string(shard));
      },
      &finished));
  EXPECT_THROW(
      {
        try {
          std::rethrow_exception(finished.get_future().get());
        } catch (const tf::Error& error) {
          EXPECT_STREQ(error.what(), "shard 2");
          throw;
        }
      },
      tf::Error);
  EXPECT_EQ(runs, 3);
}

// Shard 2 of 5 fails once all are under way; the others wait for their end, or for shard 2 to fail.
class FailingJob : public ShardedJob {
 public:
  explicit FailingJob(std::promise<std::exception_ptr>* finished)
      : ShardedJob(5, nullptr), finished_(finished) {}

  std::atomic<bool> cancelled[5] = {};

 protected:
  void RunShards(const Shards& shards, Replica&, control::ShardControl* control) override {
    for (++under_way_; under_way_ < 5;) std::this_thread::yield();
    if (shards.begin == 2) {
      failed_ = true;
      throw tf::Error(TF_ABORTED, "shard 2");
    }
    while (!failed_) std::this_thread::yield();
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(shards.begin < 2 ? 100 : 5000);
    while (!control->cancelled() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    cancelled[shards.begin] = control->cancelled();
    if (control->cancelled()) throw tf::Error(TF_CANCELLED, "cancelled");
  }
  void Finish(std::exception_ptr error) noexcept override { finished_->set_value(error); }

 private:
  std::promise<std::exception_ptr>* finished_;
  std::atomic<int> under_way_{0};
  std::atomic<bool> failed_{false};
};

TEST(Executor, EndsTheShardsAfterOneThatHasFailed) {
  Strategy strategy(5);
  std::promise<std::exception_ptr> finished;
  const auto job = std::make_shared<FailingJob>(&finished);
  strategy.Submit(job);
  const std::exception_ptr error = finished.get_future().get();
  try {
    std::rethrow_exception(error);
  } catch (const tf::Error& thrown) {
    EXPECT_STREQ(thrown.what(), "shard 2");
  }
  // Those before it may have failed for a reason of their own, which would be the first.
  EXPECT_FALSE(job->cancelled[0] || job->cancelled[1]);
  EXPECT_TRUE(job->cancelled[3] && job->cancelled[4]);
}

class EmptyJob : public ShardedJob {
 public:
  EmptyJob() : ShardedJob(1, nullptr) {}

 protected:
  void RunShards(const Shards&, Replica&, control::ShardControl*) override {}
  void Finish(std::exception_ptr) noexcept override {}
};

// Waits until Stop(), called by another thread, has begun: from then on jobs are refused.
void AwaitStop(Strategy* strategy) {
  try {
    for (;;) {
      strategy->Submit(std::make_shared<EmptyJob>());
      std::this_thread::yield();
    }
  } catch (const tf::Error&) {
  }
}

TEST(Executor, StopFinishesWhatIsQueuedWithCancelled) {
  Strategy strategy(1);
  std::promise<void> started;
  std::promise<void> gate;
  auto open = gate.get_future().share();
  std::promise<std::exception_ptr> finished[2];
  strategy.Submit(std::make_shared<CountingJob>(
      1,
      [&, open](int64_t) {
        started.set_value();
        open.wait();
      },
      &finished[0]));
  strategy.Submit(std::make_shared<CountingJob>(5, [](int64_t) { FAIL(); }, &finished[1]));
  started.get_future().wait();
  std::thread stopper([&] { strategy.Stop(); });
  AwaitStop(&strategy);
  gate.set_value();
  stopper.join();
  EXPECT_EQ(finished[0].get_future().get(), nullptr);
  EXPECT_THROW(std::rethrow_exception(finished[1].get_future().get()), tf::Error);
  EXPECT_THROW(strategy.Submit(std::make_shared<CountingJob>(1, [](int64_t) {}, &finished[0])), tf::Error);
}

// Waits until Stop(), called by another thread, has begun: from then on a job is destroyed, not kept.
void AwaitStop(Background* background) {
  for (long holders = 2; holders > 1; std::this_thread::yield()) {
    const auto token = std::make_shared<int>();
    background->Submit([token] {});
    holders = token.use_count();
  }
}

TEST(Background, RunsJobsAndDropsTheQueuedOnesAtTheEnd) {
  std::promise<void> started;
  std::promise<void> gate;
  auto open = gate.get_future().share();
  std::atomic<int> runs{0};
  Background background(1);
  background.Submit([&, open] {
    started.set_value();
    open.wait();
    ++runs;
  });
  background.Submit([&] { ++runs; });
  started.get_future().wait();
  std::thread stopper([&] { background.Stop(); });
  AwaitStop(&background);
  gate.set_value();
  stopper.join();
  EXPECT_EQ(runs, 1);
  background.Submit([&] { ++runs; });
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace ke::runtime
