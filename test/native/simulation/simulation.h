// Runs the loop that feeds replicas (the real executor, jobs and joined rows) against replicas that only
// wait.
#pragma once

#include <cstdint>
#include <string>

namespace ke::test {

struct SimulationOptions {
  int replicas = 4;
  double seconds = 2;

  // The behaviour of a replica.
  double shard_ms = 100;        // time of a shard of full size, including the return of its output
  double spread = 0.1;          // standard deviation of the time's logarithm from shard to shard
  double unequal = 0;           // the same deviation from replica to replica
  double stragglers = 0;        // fraction of the shards that are stragglers
  double straggler_factor = 4;  // factor by which a straggler takes longer
  double mtbf_s = 0;            // mean time until the replica dies, in seconds; 0 for never
  double outage_ms = 2000;      // mean time until the replica is back
  double notice_ms = 500;       // maximum time until the death is noticed: the heartbeat's interval

  // The client's requests.
  int shard_size = 8;
  int shards_per_replica = 1;  // shards of a batch
  int in_flight = 2;           // batches in flight
  int retries = 3;
  int timeout_ms = 30000;
  unsigned seed = 1;
};

struct SimulationResult {
  double seconds = 0;  // measured time, after the warm-up
  double shards_per_second = 0;
  double efficiency = 0;     // time spent on delivered shards / total time of all replicas
  double efficiency_up = 0;  // time spent on delivered shards / time that the replicas were up
  double client_cpu_us = 0;  // CPU time of this process per shard, including the waiting replicas
  double client_cores = 0;   // cores that this process kept busy
  int64_t batches = 0;
  int64_t failed_batches = 0;
  std::string first_error;
  int64_t deaths = 0;
  int64_t retried_shards = 0;
  int64_t samples = 0;       // requested samples
  int64_t lost_samples = 0;  // samples of failed batches, and wrong samples
  bool in_order = true;
};

// Requires a loaded TensorFlow, for its tensors. Throws tf::Error and std::exception.
SimulationResult Simulate(const SimulationOptions& options);

// Returns one line of JSON.
std::string ToJson(const SimulationOptions& options, const SimulationResult& result);

}  // namespace ke::test
