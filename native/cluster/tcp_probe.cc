#include "cluster/tcp_probe.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

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

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// The maximum number of a name's addresses that are tried.
constexpr size_t kMostAddresses = 32;

// Opens a non-blocking socket that child processes do not inherit.
int OpenSocket(const addrinfo& address) {
#ifdef SOCK_CLOEXEC
  return socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol);
#else  // macOS
  const int fd = socket(address.ai_family, address.ai_socktype, address.ai_protocol);
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
#endif
}

// Returns whether the error is a lack of descriptors or memory in this process, which says nothing about the
// other end.
bool IsOurOwn(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

// An attempt to connect to one address.
class Attempt {
 public:
  explicit Attempt(const addrinfo& address) : fd_(OpenSocket(address)) {
    if (fd_ < 0 || connect(fd_, address.ai_addr, address.ai_addrlen) != 0) error_ = errno;
  }
  ~Attempt() {
    if (fd_ >= 0) close(fd_);
  }
  Attempt(Attempt&& other) noexcept : fd_(std::exchange(other.fd_, -1)), error_(other.error_) {}
  Attempt& operator=(Attempt&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(error_, other.error_);
    return *this;
  }

  int fd() const { return fd_; }
  // A connect() that a signal interrupts continues in the background.
  bool in_progress() const { return fd_ >= 0 && (error_ == EINPROGRESS || error_ == EINTR); }
  // Reads the result. Call End once poll() has reported the socket.
  void End() {
    socklen_t size = sizeof error_;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_, &size) != 0) error_ = errno;
  }
  // Returns why the attempt failed. Empty if the connection is made, or if this process lacks the resources
  // for a connection.
  std::string reason() const {
    return error_ == 0 || IsOurOwn(error_) ? std::string() : std::strerror(error_);
  }

 private:
  int fd_;
  int error_ = 0;
};

// Blocks until at least one attempt has ended or until `deadline`. Removes the ended attempts from `attempts`
// and returns them.
std::vector<Attempt> TakeEnded(std::vector<Attempt>* attempts, Clock::time_point deadline) {
  std::vector<pollfd> polled;
  for (const Attempt& attempt : *attempts) polled.push_back({attempt.fd(), POLLOUT, 0});
  int ready = 0;
  do {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    ready = poll(polled.data(), static_cast<nfds_t>(polled.size()),
                 static_cast<int>(std::max<milliseconds::rep>(0, left)));
  } while (ready < 0 && (errno == EINTR || errno == EAGAIN) && Clock::now() < deadline);
  std::vector<Attempt> ended;
  if (ready <= 0) return ended;
  std::vector<Attempt> others;
  for (size_t i = 0; i < polled.size(); ++i) {
    const bool over = polled[i].revents != 0;
    if (over) (*attempts)[i].End();
    (over ? ended : others).push_back(std::move((*attempts)[i]));
  }
  *attempts = std::move(others);
  return ended;
}

}  // namespace

std::string ProbeListener(const Address& address, milliseconds timeout) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failure = 0;
  do {
    failure = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
  } while (failure == EAI_SYSTEM && errno == EINTR);
  if (failure == EAI_SYSTEM) return IsOurOwn(errno) ? std::string() : std::strerror(errno);
  if (failure != 0) return failure == EAI_MEMORY ? std::string() : gai_strerror(failure);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
  const Clock::time_point deadline = Clock::now() + timeout;
  std::string reason = "no address";
  std::vector<Attempt> attempts;
  size_t tried = 0;
  for (const addrinfo* each = found; each != nullptr && tried < kMostAddresses;
       each = each->ai_next, ++tried) {
    Attempt attempt(*each);
    if (attempt.in_progress()) {
      attempts.push_back(std::move(attempt));
    } else {
      reason = attempt.reason();
      if (reason.empty()) return reason;
    }
  }
  while (!attempts.empty()) {
    const std::vector<Attempt> ended = TakeEnded(&attempts, deadline);
    if (ended.empty()) return "no answer to a connection for " + std::to_string(timeout.count()) + " ms";
    for (const Attempt& attempt : ended) {
      reason = attempt.reason();
      if (reason.empty()) return reason;
    }
  }
  return reason;
}

}  // namespace ke::runtime
