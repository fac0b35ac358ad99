#pragma once

#include <string>
#include <vector>

#include "runtime/session.h"

namespace ke::runtime {

struct ServerOptions {
  int port = 0;     // 1 to 65535
  int threads = 1;  // shards that are computed at once
  int intra_op = 1;
  int cpus = 1;              // CPU devices
  std::string package = {};  // this package's version
};

// Starts TensorFlow's server in this process, which thereby becomes a worker, and returns the worker's
// devices. A process can have one server. A started server cannot be stopped and ends with the process. The
// server listens on every address of the machine. Blocks for a second or less. Throws tf::Error:
// FAILED_PRECONDITION if the process already has a server, UNKNOWN if the port is taken.
std::vector<Session::Device> StartServer(const ServerOptions& options);

}  // namespace ke::runtime
