// The place that computes a function: this process or a worker, the device, and the number of threads.
#pragma once

#include <string>

namespace ke::runtime {

struct Placement {
  std::string target;  // empty for this process, else a worker: "grpc://host:port"
  std::string device;  // empty for TensorFlow's choice, else such as "/device:GPU:0"
  int callers = 1;     // shards that run at once; 0 for as many as the worker has threads
  int cpus = 1;        // CPU devices of a session in this process

  bool remote() const { return !target.empty(); }
  // Placements with the same key share a graph and a session.
  std::string key() const { return target + " " + device; }
};

}  // namespace ke::runtime
