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
// wait for in vain. Empty where somebody does, else the reason ("connection refused"). Returns after
// `timeout`, whatever happens; but a name that the system has to look up takes as long as the system does.
std::string ProbeListener(const Address& address, std::chrono::milliseconds timeout);

}  // namespace ke::runtime
