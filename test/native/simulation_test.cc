// The loop with simulated replicas that are unequal, straggle and die: no sample is lost, and all samples are
// in order.
#include "simulation/simulation.h"

#include <gtest/gtest.h>

namespace ke::test {
namespace {

SimulationOptions Restless(int replicas) {
  SimulationOptions options;
  options.replicas = replicas;
  options.seconds = 0.6;
  options.shard_ms = 10;
  options.unequal = 0.3;
  options.stragglers = 0.02;
  options.shards_per_replica = 4;
  options.retries = 20;  // the simulated replicas die far more often than real workers
  options.mtbf_s = 0.2;
  options.outage_ms = 30;
  options.notice_ms = 30;
  return options;
}

class Simulation : public ::testing::TestWithParam<int> {};

TEST_P(Simulation, LosesNothingAndKeepsTheOrderWhileReplicasDie) {
  const SimulationResult result = Simulate(Restless(GetParam()));
  EXPECT_EQ(result.failed_batches, 0) << result.first_error;
  EXPECT_EQ(result.lost_samples, 0);
  EXPECT_TRUE(result.in_order);
  EXPECT_GT(result.samples, 0);
  if (GetParam() > 1) {
    EXPECT_GT(result.deaths, 0);
    EXPECT_GT(result.retried_shards, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Replicas, Simulation, ::testing::Values(1, 4, 64));

TEST(SimulationOfFailures, ReportsBatchesThatLostTooManyReplicas) {
  SimulationOptions options = Restless(8);
  options.retries = 0;
  options.seconds = 0.4;
  const SimulationResult result = Simulate(options);
  EXPECT_GT(result.failed_batches, 0);
  EXPECT_TRUE(result.in_order);
  EXPECT_NE(result.first_error.find("were lost 1 times"), std::string::npos) << result.first_error;
}

// With equal replicas and no failures, little time is lost. The bound is loose because the machine may be
// busy.
TEST(SimulationOfFailures, KeepsReplicasBusy) {
  SimulationOptions options;
  options.replicas = 16;
  options.seconds = 0.6;
  options.shard_ms = 50;
  options.shards_per_replica = 4;
  const SimulationResult result = Simulate(options);
  EXPECT_GT(result.efficiency, 0.7);
  EXPECT_EQ(result.lost_samples, 0);
}

}  // namespace
}  // namespace ke::test
