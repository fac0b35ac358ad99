// The threads that run shards and jobs: the order, failures, and what happens to waiting jobs.
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

// Shard 2 of 5 fails once all shards are running. The other shards run until they are cancelled: shards
// before shard 2 for 100 ms, shards after shard 2 for 5 s at most.
class FailingJob : public ShardedJob {
 public:
  explicit FailingJob(std::promise<std::exception_ptr>* finished)
      : ShardedJob(5, nullptr), finished_(finished) {}

  std::atomic<bool> cancelled[5] = {};

 protected:
  void RunShards(const Shards& shards, Replica&, control::ShardControl* control) override {
    for (++running_; running_ < 5;) std::this_thread::yield();
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
  std::atomic<int> running_{0};
  std::atomic<bool> failed_{false};
};

TEST(Executor, CancelsRunningShardsAfterAFailedShard) {
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
  // The shards before shard 2 are not cancelled, because their own failure would have priority.
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

// Waits until Stop(), which another thread calls, has begun. From then on jobs are refused.
void AwaitStop(Strategy* strategy) {
  try {
    for (;;) {
      strategy->Submit(std::make_shared<EmptyJob>());
      std::this_thread::yield();
    }
  } catch (const tf::Error&) {
  }
}

TEST(Executor, StopFinishesQueuedJobsWithCancelled) {
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

// Runs until the job is cancelled, for 10 s at most.
class CancellableJob : public ShardedJob {
 public:
  CancellableJob() : ShardedJob(1, nullptr) {}

  std::promise<void> started;
  std::promise<std::exception_ptr> finished;
  std::atomic<bool> alone{true};

 protected:
  void RunShards(const Shards&, Replica&, control::ShardControl* control) override {
    started.set_value();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!control->cancelled() && std::chrono::steady_clock::now() < end) {
      alone = control->alone();
      std::this_thread::yield();
    }
    if (control->cancelled()) throw tf::Error(TF_CANCELLED, "cancelled");
  }
  void Finish(std::exception_ptr error) noexcept override { finished.set_value(error); }
};

template <typename T>
bool IsReady(const std::future<T>& future) {
  return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

TEST(Executor, StopCancelsAndAwaitsAJobInItsCallersThread) {
  for (const bool with_threads : {false, true}) {
    Strategy strategy(1);
    if (with_threads) {
      std::promise<std::exception_ptr> other;
      strategy.Submit(std::make_shared<CountingJob>(1, [](int64_t) {}, &other));
      other.get_future().wait();
    }
    const auto job = std::make_shared<CancellableJob>();
    std::future<std::exception_ptr> finished = job->finished.get_future();
    std::thread caller([&] { strategy.RunHere(job); });
    job->started.get_future().wait();
    strategy.Stop();
    ASSERT_TRUE(IsReady(finished));
    EXPECT_THROW(std::rethrow_exception(finished.get()), tf::Error);
    caller.join();
    EXPECT_THROW(strategy.RunHere(std::make_shared<CancellableJob>()), tf::Error);
  }
}

TEST(Executor, AJobInItsCallersThreadIsNotAloneBesideAQueuedJob) {
  Strategy strategy(1);
  const auto here = std::make_shared<CancellableJob>();
  const auto queued = std::make_shared<CancellableJob>();
  strategy.Submit(queued);
  queued->started.get_future().wait();
  while (!queued->alone) std::this_thread::yield();
  std::thread caller([&] { strategy.RunHere(here); });
  here->started.get_future().wait();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while ((here->alone || queued->alone) && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_FALSE(here->alone);
  EXPECT_FALSE(queued->alone);
  strategy.Stop();
  caller.join();
}

TEST(Executor, AJobInItsCallersThreadEndsEvenIfItsReplicaIsLost) {
  for (const bool counts : {true, false}) {
    Executor executor({std::make_shared<Replica>("here")}, {.retries = 2});
    int runs = 0;
    std::promise<std::exception_ptr> finished[2];
    std::future<std::exception_ptr> ends[2] = {finished[0].get_future(), finished[1].get_future()};
    executor.RunHere(std::make_shared<CountingJob>(
        1,
        [&](int64_t) {
          if (++runs < 3) throw ReplicaLost("lost", counts);
        },
        &finished[0]));
    ASSERT_TRUE(IsReady(ends[0]));
    EXPECT_EQ(ends[0].get(), nullptr);
    EXPECT_EQ(runs, 3);
    executor.RunHere(std::make_shared<CountingJob>(
        1,
        [&](int64_t) {
          ++runs;
          throw ReplicaLost("lost", counts);
        },
        &finished[1]));
    ASSERT_TRUE(IsReady(ends[1]));
    EXPECT_EQ(runs, 6);
    try {
      std::rethrow_exception(ends[1].get());
    } catch (const WorkerError& error) {
      EXPECT_EQ(error.code(), TF_UNAVAILABLE);
      EXPECT_EQ(error.facts.attempts, 3);
    }
  }
}

TEST(Executor, EveryCallOfStopReturnsAfterAllShardsHaveEnded) {
  Strategy strategy(1);
  std::promise<void> started;
  std::promise<void> gate;
  auto open = gate.get_future().share();
  std::promise<std::exception_ptr> finished;
  strategy.Submit(std::make_shared<CountingJob>(
      1,
      [&, open](int64_t) {
        started.set_value();
        open.wait();
      },
      &finished));
  started.get_future().wait();
  std::future<void> first = std::async(std::launch::async, [&] { strategy.Stop(); });
  AwaitStop(&strategy);
  std::future<void> second = std::async(std::launch::async, [&] { strategy.Stop(); });
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  EXPECT_FALSE(IsReady(first));
  gate.set_value();
  first.get();
  second.get();
  EXPECT_EQ(finished.get_future().get(), nullptr);
}

// Waits until Stop(), which another thread calls, has begun. From then on a submitted job is destroyed at
// once.
void AwaitStop(Background* background) {
  for (long holders = 2; holders > 1; std::this_thread::yield()) {
    const auto token = std::make_shared<int>();
    background->Submit([token] {});
    holders = token.use_count();
  }
}

TEST(Background, StopFinishesTheRunningJobAndDropsQueuedJobs) {
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
