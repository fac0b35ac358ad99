// Where a function is computed: in this process or on a worker, on which device, by how many threads.
#pragma once

#include <string>

namespace ke::runtime {

struct Placement {
  std::string target;  // empty: this process; else a worker, "grpc://host:port"
  std::string device;  // empty: TensorFlow's choice; else as "/device:GPU:0"
  int callers = 1;     // shards that are run at once; 0: as many as the worker has threads
  int cpus = 1;        // CPU devices that a session of this process has

  bool remote() const { return !target.empty(); }
  // Placements of one key share a graph and a session.
  std::string key() const { return target + " " + device; }
};

}  // namespace ke::runtime
