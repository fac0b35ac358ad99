// Real workers for tests: the test program, started again as a server.
#pragma once

#include <string>
#include <vector>

namespace ke::test {

// Runs the server of `ke_native_tests --serve PORT [plain | VERSION]`. Serves until the standard input ends.
int Serve(const std::vector<std::string>& arguments);

// The default version of workers.
inline constexpr char kPackage[] = "1.2.3";

class ServerProcess {
 public:
  // `kind`: "plain" for a TensorFlow server that is not a worker, else the worker's version. The constructor
  // returns when the server is ready.
  explicit ServerProcess(std::string kind = kPackage);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::string address() const { return "localhost:" + std::to_string(port_); }
  std::string target() const { return "grpc://" + address(); }
  void Kill();
  // Starts the server again at the same port. Call Restart after Kill.
  void Restart();
  void Signal(int signal) const;

 private:
  void Start();

  const std::string kind_;
  const int port_;
  int pid_ = -1;
  int input_ = -1;
};

// Returns a port of this machine on which no process listens.
int FreePort();

}  // namespace ke::test
