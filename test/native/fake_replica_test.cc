// The loop over fake replicas: slow replicas, replicas that fail and come back, and a thousand replicas.
#include "fake_replica.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <vector>

#include "slower.h"

namespace ke::test {
namespace {

using runtime::Executor;
using runtime::Replica;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

Behaviour Taking(Time time) {
  Behaviour behaviour;
  behaviour.latency = [time](int64_t shards, Random*) { return time * shards; };
  return behaviour;
}

// Adds losses with the given probability and duration.
Behaviour Failing(Behaviour behaviour, double probability, Time gone) {
  behaviour.failure = [=](Random* random) -> std::optional<Time> {
    if (!std::bernoulli_distribution(probability)(*random)) return std::nullopt;
    return gone;
  };
  return behaviour;
}

std::vector<std::shared_ptr<Replica>> Several(int count, const Behaviour& behaviour, FakeTimer* timer) {
  std::vector<std::shared_ptr<Replica>> replicas;
  for (int i = 0; i < count; ++i) {
    replicas.push_back(std::make_shared<FakeReplica>("replica " + std::to_string(i), behaviour, timer, i));
  }
  return replicas;
}

double Milliseconds(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

TEST(Replicas, TheFirstFreeReplicaTakesTheNextShard) {
  FakeTimer timer;
  auto replicas = Several(2, Taking(milliseconds(2)), &timer);
  replicas.push_back(std::make_shared<FakeReplica>("slow", Taking(milliseconds(60)), &timer, 3));
  Executor executor(replicas, {});
  const auto job = std::make_shared<FakeJob>(60);
  const Clock::time_point begin = Clock::now();
  executor.Submit(job);
  job->Wait();
  EXPECT_EQ(job->Wrong(), 0);
  EXPECT_LT(Milliseconds(begin), 400);  // a third of the shards on the slow replica would take 1200
  EXPECT_GT(replicas[0]->status().shards, 4 * replicas[2]->status().shards);
}

TEST(Replicas, AReplicaTakesSeveralShardsAtOnce) {
  FakeTimer timer;
  std::vector<std::shared_ptr<Replica>> replicas{
      std::make_shared<FakeReplica>("wide", Taking(milliseconds(1)), &timer, 1, 1, 8)};
  Executor executor(replicas, {});
  const auto job = std::make_shared<FakeJob>(20);
  executor.Submit(job);
  job->Wait();
  EXPECT_EQ(job->Wrong(), 0);
  EXPECT_EQ(replicas[0]->status().shards, 20);
}

TEST(Replicas, EveryShardIsComputedOnceThoughReplicasFail) {
  FakeTimer timer;
  const auto replicas = Several(20, Failing(Taking(milliseconds(1)), 0.2, milliseconds(5)), &timer);
  Executor executor(replicas, {.retries = 100});
  std::vector<std::shared_ptr<FakeJob>> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(std::make_shared<FakeJob>(100));
  for (const auto& job : jobs) executor.Submit(job);
  int64_t failures = 0;
  for (const auto& job : jobs) {
    job->Wait();
    EXPECT_EQ(job->Wrong(), 0);
  }
  for (const auto& replica : replicas) failures += replica->status().failures;
  EXPECT_GT(failures, 50);
}

TEST(Replicas, AShardFailsAfterItsRetries) {
  FakeTimer timer;
  Executor executor(Several(3, Failing(Taking(milliseconds(1)), 1, milliseconds(1)), &timer), {.retries = 2});
  const auto job = std::make_shared<FakeJob>(10);
  executor.Submit(job);
  EXPECT_THROW(job->Wait(), runtime::WorkerError);
  // The losses may be distributed over the replicas in any way. On a busy machine one replica may lose a
  // shard three times before the next replica has begun.
  int64_t failures = 0;
  for (const auto& replica : executor.replicas()) failures += replica->status().failures;
  EXPECT_GE(failures, 3);
}

TEST(Replicas, FailAfterTheTimeoutIfNoReplicaIsUp) {
  FakeTimer timer;
  Executor executor(Several(2, Failing(Taking(Time(0)), 1, std::chrono::seconds(60)), &timer),
                    {.retries = 100, .timeout = milliseconds(200)});
  for (int i = 0; i < 2; ++i) {
    const auto job = std::make_shared<FakeJob>(5);
    const Clock::time_point begin = Clock::now();
    executor.Submit(job);
    try {
      job->Wait();
      FAIL();
    } catch (const runtime::WorkerError& error) {
      EXPECT_EQ(error.code(), TF_UNAVAILABLE);
      EXPECT_NE(std::string(error.what()).find("replica 1: a planned failure"), std::string::npos);
    }
    EXPECT_GE(Milliseconds(begin), 190);
    EXPECT_LT(Milliseconds(begin), 2000);
  }
}

TEST(Replicas, AStoppedExecutorWaitsForNoReplica) {
  FakeTimer timer;
  Executor executor(Several(2, Failing(Taking(Time(0)), 1, std::chrono::seconds(60)), &timer),
                    {.retries = 100, .timeout = std::chrono::seconds(60)});
  const auto job = std::make_shared<FakeJob>(5);
  executor.Submit(job);
  std::this_thread::sleep_for(milliseconds(20));
  executor.Stop();
  try {
    job->Wait();
    FAIL();
  } catch (const tf::Error& error) {
    EXPECT_EQ(error.code(), TF_CANCELLED);
  }
}

TEST(Replicas, AThousandReplicasComputeEveryShardOnce) {
  FakeTimer timer;
  Executor executor(Several(1000, Failing(Taking(milliseconds(100)), 0.01, milliseconds(50)), &timer),
                    {.retries = 100});
  const auto job = std::make_shared<FakeJob>(5000);
  const Clock::time_point begin = Clock::now();
  executor.Submit(job);
  job->Wait();
  EXPECT_EQ(job->Wrong(), 0);
  EXPECT_LT(Milliseconds(begin), 5000 * kSlower);  // 500 in the best case
  RecordProperty("milliseconds", static_cast<int>(Milliseconds(begin)));
}

}  // namespace
}  // namespace ke::test
