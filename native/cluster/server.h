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

// Starts TensorFlow's server in this process, which then is a worker, and returns its devices. A started
// server cannot be stopped: it ends with the process, which can have one. It listens on every address of the
// machine. Blocking, a second or less. Throws tf::Error: FAILED_PRECONDITION for a second, UNKNOWN where the
// port is taken.
std::vector<Session::Device> StartServer(const ServerOptions& options);

}  // namespace ke::runtime
