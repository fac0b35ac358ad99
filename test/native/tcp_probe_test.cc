// The probe of a worker's port, with a simulated network. CMakeLists.txt links these tests with the linker's
// --wrap (Linux only), so that calls of socket, connect, poll and getaddrinfo arrive here.
#include "cluster/tcp_probe.h"

#include <gtest/gtest.h>

#ifdef __linux__

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace {

struct Network {
  // The addresses of the name "many".
  std::vector<std::string> many;
  // Addresses that never answer.
  std::set<std::string> silent;
  // The number of calls that a signal interrupts.
  int interrupted_polls = 0;
  int interrupted_connects = 0;
  int interrupted_lookups = 0;
  // The error of every call of socket; 0 for none.
  int socket_error = 0;

  std::vector<int> socket_types;
  std::set<int> silent_sockets;
};

// The network of the testing thread. Worker tests have other threads that also probe.
thread_local Network* network = nullptr;

}  // namespace

extern "C" {

int __real_socket(int family, int type, int protocol);
int __real_connect(int fd, const sockaddr* address, socklen_t size);
int __real_poll(pollfd* polled, nfds_t count, int timeout);
int __real_getaddrinfo(const char* name, const char* port, const addrinfo* hints, addrinfo** found);

int __wrap_socket(int family, int type, int protocol) {
  if (network == nullptr) return __real_socket(family, type, protocol);
  network->socket_types.push_back(type);
  if (network->socket_error != 0) {
    errno = network->socket_error;
    return -1;
  }
  return __real_socket(family, type, protocol);
}

int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
  if (network == nullptr || address->sa_family != AF_INET) return __real_connect(fd, address, size);
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  const bool silent = network->silent.contains(text);
  if (silent) {
    network->silent_sockets.insert(fd);
  } else {
    network->silent_sockets.erase(fd);  // the number may have belonged to another socket
  }
  // A local connection is refused or made at once. The wrapper reports the result through poll instead.
  if (!silent && __real_connect(fd, address, size) != 0 && errno != EINPROGRESS) return -1;
  errno = network->interrupted_connects-- > 0 ? EINTR : EINPROGRESS;
  return -1;
}

int __wrap_poll(pollfd* polled, nfds_t count, int timeout) {
  if (network == nullptr) return __real_poll(polled, count, timeout);
  if (network->interrupted_polls-- > 0) {
    errno = EINTR;
    return -1;
  }
  std::vector<pollfd> heard(polled, polled + count);
  for (pollfd& each : heard) {
    if (network->silent_sockets.contains(each.fd)) each.fd = -1;
  }
  const int ready = __real_poll(heard.data(), count, timeout);
  for (nfds_t i = 0; i < count; ++i) polled[i].revents = heard[i].revents;
  return ready;
}

int __wrap_getaddrinfo(const char* name, const char* port, const addrinfo* hints, addrinfo** found) {
  if (network == nullptr) return __real_getaddrinfo(name, port, hints, found);
  if (network->interrupted_lookups-- > 0) {
    errno = EINTR;
    return EAI_SYSTEM;
  }
  if (std::strcmp(name, "many") != 0) return __real_getaddrinfo(name, port, hints, found);
  addrinfo** next = found;
  for (const std::string& address : network->many) {
    const int failure = __real_getaddrinfo(address.c_str(), port, hints, next);
    if (failure != 0) return failure;
    while (*next != nullptr) next = &(*next)->ai_next;
  }
  return 0;
}

}  // extern "C"

namespace ke::runtime {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// A port of 127.0.0.1, with or without a listener.
class Port {
 public:
  explicit Port(bool listens) : fd_(__real_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        (listens && listen(fd_, 8) != 0)) {
      ADD_FAILURE() << std::strerror(errno);
    }
    number_ = std::to_string(ntohs(address.sin_port));
  }
  ~Port() { close(fd_); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  const std::string& number() const { return number_; }

 private:
  const int fd_;
  std::string number_;
};

class TcpProbe : public ::testing::Test {
 protected:
  TcpProbe() { network = &network_; }
  ~TcpProbe() override { network = nullptr; }

  Network network_;
  const Port open_{true};
  const Port closed_{false};
};

TEST_F(TcpProbe, ReportsWhetherAProcessListens) {
  EXPECT_EQ(ProbeListener({"127.0.0.1", open_.number()}, milliseconds(2000)), "");
  EXPECT_EQ(ProbeListener({"127.0.0.1", closed_.number()}, milliseconds(2000)), "Connection refused");
}

TEST_F(TcpProbe, OpensSocketsThatNoChildProcessInherits) {
  ProbeListener({"127.0.0.1", open_.number()}, milliseconds(2000));
  ASSERT_FALSE(network_.socket_types.empty());
  for (const int type : network_.socket_types) EXPECT_NE(type & SOCK_CLOEXEC, 0);
}

TEST_F(TcpProbe, ContinuesWhenASignalInterruptsIt) {
  network_.interrupted_polls = 2;
  EXPECT_EQ(ProbeListener({"127.0.0.1", open_.number()}, milliseconds(2000)), "");
  EXPECT_LT(network_.interrupted_polls, 0);
  network_.interrupted_connects = 1;
  EXPECT_EQ(ProbeListener({"127.0.0.1", open_.number()}, milliseconds(2000)), "");
  EXPECT_LE(network_.interrupted_connects, 0);
  network_.interrupted_lookups = 1;
  EXPECT_EQ(ProbeListener({"127.0.0.1", open_.number()}, milliseconds(2000)), "");
  EXPECT_LT(network_.interrupted_lookups, 0);
}

TEST_F(TcpProbe, AppliesItsTimeoutToAllAddressesTogether) {
  network_.many = {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"};
  network_.silent = {network_.many.begin(), network_.many.end()};
  const Clock::time_point begin = Clock::now();
  EXPECT_EQ(ProbeListener({"many", open_.number()}, milliseconds(300)),
            "no answer to a connection for 300 ms");
  EXPECT_GE(Clock::now() - begin, milliseconds(300));
  EXPECT_LT(Clock::now() - begin, milliseconds(900));
}

TEST_F(TcpProbe, SucceedsIfOneAddressAnswers) {
  network_.many = {"127.0.0.2", "127.0.0.3", "127.0.0.1"};
  network_.silent = {"127.0.0.2", "127.0.0.3"};
  const Clock::time_point begin = Clock::now();
  EXPECT_EQ(ProbeListener({"many", open_.number()}, milliseconds(3000)), "");
  EXPECT_LT(Clock::now() - begin, milliseconds(2500));
  network_.silent.clear();
  EXPECT_EQ(ProbeListener({"many", closed_.number()}, milliseconds(3000)), "Connection refused");
}

TEST_F(TcpProbe, DoesNotReportItsOwnLackOfDescriptors) {
  network_.socket_error = EMFILE;
  EXPECT_EQ(ProbeListener({"127.0.0.1", closed_.number()}, milliseconds(2000)), "");
}

}  // namespace
}  // namespace ke::runtime

#endif
