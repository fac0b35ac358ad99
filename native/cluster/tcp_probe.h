#pragma once

#include <chrono>
#include <string>

namespace ke::runtime {

// Of "grpc://host:port", "host:port" or "[::1]:port". Throws INVALID_ARGUMENT where it is none of these.
struct Address {
  std::string host;
  std::string port;
};
Address ParseAddress(const std::string& target);

// Whether anybody listens there: a process that was killed shows at once, which TensorFlow's own calls would
// wait for in vain. Empty where somebody does, else the reason ("Connection refused"). Empty, too, where this
// process has no descriptor or memory for a connection: that is no sign of a worker that is gone. All
// addresses of a name are tried at the same time, and `timeout` is for all of them together. The look-up of a
// name takes as long as the system needs for it.
std::string ProbeListener(const Address& address, std::chrono::milliseconds timeout);

}  // namespace ke::runtime
