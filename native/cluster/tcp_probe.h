#pragma once

#include <chrono>
#include <string>

namespace ke::runtime {

// The parts of "grpc://host:port", "host:port" or "[::1]:port". ParseAddress throws INVALID_ARGUMENT for any
// other text.
struct Address {
  std::string host;
  std::string port;
};
Address ParseAddress(const std::string& target);

// Checks whether a process listens at the address. A killed process is noticed at once, while TensorFlow's
// own calls would wait in vain. Returns an empty text if a process listens, else the reason, such as
// "Connection refused". Also returns an empty text if this process has no descriptor or memory for a
// connection, because that does not mean that the worker is gone. All addresses of a name are tried at the
// same time, and `timeout` applies to all of them together. The look-up of a name takes as long as the system
// needs.
std::string ProbeListener(const Address& address, std::chrono::milliseconds timeout);

}  // namespace ke::runtime
