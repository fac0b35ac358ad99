// The loop that feeds replicas (executor, jobs, joined rows: the real ones) against replicas that only wait.
#pragma once

#include <cstdint>
#include <string>

namespace ke::test {

struct SimulationOptions {
  int replicas = 4;
  double seconds = 2;

  // What a replica is like.
  double shard_ms = 100;        // a shard of full size, computed and brought back
  double spread = 0.1;          // standard deviation of its logarithm, from shard to shard
  double unequal = 0;           // the same from replica to replica
  double stragglers = 0;        // so many of its shards, of 1,
  double straggler_factor = 4;  // take so many times as long
  double mtbf_s = 0;            // it dies after so many seconds, on average; 0: never
  double outage_ms = 2000;      // and is back after so many, on average
  double notice_ms = 500;       // its death is noticed after at most so many: the heartbeat's interval

  // What the client asks for.
  int shard_size = 8;
  int shards_per_replica = 1;  // of a batch
  int in_flight = 2;           // batches
  int retries = 3;
  int timeout_ms = 30000;
  unsigned seed = 1;
};

struct SimulationResult {
  double seconds = 0;  // measured, after a while to warm up
  double shards_per_second = 0;
  double efficiency = 0;     // time spent on shards that were delivered / time of all replicas
  double efficiency_up = 0;  // the same / time that replicas were up
  double client_cpu_us = 0;  // of this process per shard, the replicas' waiting included
  double client_cores = 0;   // cores that were busy with it
  int64_t batches = 0;
  int64_t failed_batches = 0;
  std::string first_error;
  int64_t deaths = 0;
  int64_t retried_shards = 0;
  int64_t samples = 0;       // asked for
  int64_t lost_samples = 0;  // of batches that failed, or not the rows that were asked for
  bool in_order = true;
};

// Needs a loaded TensorFlow, for its tensors. Throws tf::Error, std::exception.
SimulationResult Simulate(const SimulationOptions& options);

// One line of JSON.
std::string ToJson(const SimulationOptions& options, const SimulationResult& result);

}  // namespace ke::test
