// Real workers for tests: this program, started again as a server.
#pragma once

#include <string>
#include <vector>

namespace ke::test {

// The server's side, of `ke_native_tests --serve PORT [plain | VERSION]`: serves until its input ends.
int Serve(const std::vector<std::string>& arguments);

// The version that workers are of, unless another is given.
inline constexpr char kPackage[] = "1.2.3";

class ServerProcess {
 public:
  // `kind`: "plain" for a server of TensorFlow's that is no worker, else the worker's version. Returns when
  // it serves.
  explicit ServerProcess(std::string kind = kPackage);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::string address() const { return "localhost:" + std::to_string(port_); }
  std::string target() const { return "grpc://" + address(); }
  void Kill();
  // At the same port, after Kill.
  void Restart();
  void Signal(int signal) const;

 private:
  void Start();

  const std::string kind_;
  const int port_;
  int pid_ = -1;
  int input_ = -1;
};

// A port of this machine that nobody listens on.
int FreePort();

}  // namespace ke::test
