#include "cluster/tcp_probe.h"

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

#include <cerrno>
#include <cstring>
#include <memory>

#include "tensorflow/error.h"

namespace ke::runtime {

Address ParseAddress(const std::string& target) {
  constexpr char kScheme[] = "grpc://";
  const size_t begin = target.rfind(kScheme, 0) == 0 ? sizeof kScheme - 1 : 0;
  const size_t colon = target.rfind(':');
  Address address;
  if (colon != std::string::npos && colon > begin) {
    address = {target.substr(begin, colon - begin), target.substr(colon + 1)};
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
      address.host = address.host.substr(1, address.host.size() - 2);
    }
  }
  const bool number = !address.port.empty() && address.port.size() <= 5 &&
                      address.port.find_first_not_of("0123456789") == std::string::npos;
  if (address.host.empty() || !number) {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "a worker's address must be 'grpc://host:port'; received '" + target + "'");
  }
  return address;
}

#ifdef _WIN32

// Without a probe, a worker that was killed is known by its silence.
std::string ProbeListener(const Address&, std::chrono::milliseconds) { return {}; }

#else

namespace {

class Socket {
 public:
  explicit Socket(const addrinfo& address)
      : fd_(socket(address.ai_family, address.ai_socktype, address.ai_protocol)) {
    if (fd_ >= 0) fcntl(fd_, F_SETFD, FD_CLOEXEC);
    if (fd_ >= 0) fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
  }
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  std::string Connect(const addrinfo& address, std::chrono::milliseconds timeout) const {
    if (fd_ < 0) return std::strerror(errno);
    if (connect(fd_, address.ai_addr, address.ai_addrlen) == 0) return {};
    if (errno != EINPROGRESS) return std::strerror(errno);
    pollfd poll_for{fd_, POLLOUT, 0};
    const int ready = poll(&poll_for, 1, static_cast<int>(timeout.count()));
    if (ready == 0) return "no answer to a connection for " + std::to_string(timeout.count()) + " ms";
    int error = errno;
    socklen_t size = sizeof error;
    if (ready > 0) getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? std::string() : std::strerror(error);
  }

 private:
  int fd_;
};

}  // namespace

std::string ProbeListener(const Address& address, std::chrono::milliseconds timeout) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
  if (failure != 0) return gai_strerror(failure);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
  std::string reason = "no address";
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    reason = Socket(*each).Connect(*each, timeout);
    if (reason.empty()) break;
  }
  return reason;
}

#endif

}  // namespace ke::runtime
