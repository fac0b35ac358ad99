#include "server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <stdexcept>

#include "cluster/server.h"
#include "runtime/process.h"
#include "tensorflow/handles.h"
#include "tensorflow/protozero.h"

extern char** environ;

namespace ke::test {

namespace {

void ServePlain(int port) {
  std::string bytes;
  {
    protozero::pbf_writer server(bytes);
    {
      protozero::pbf_writer cluster(server, 1);
      protozero::pbf_writer job(cluster, 1);
      job.add_string(1, "worker");
      protozero::pbf_writer task(job, 2);
      task.add_int32(1, 0);
      task.add_string(2, "localhost:" + std::to_string(port));
    }
    server.add_string(2, "worker");
    server.add_string(5, "grpc");
  }
  tf::Status status;
  TF_Server* server = tf::C().TF_NewServer(bytes.data(), bytes.size(), status);
  status.Check();
  tf::C().TF_ServerStart(server, status);
  status.Check();
}

}  // namespace

int Serve(const std::vector<std::string>& arguments) {
  try {
    const int port = std::stoi(arguments.at(0));
    if (arguments.at(1) == "plain") {
      ServePlain(port);
    } else {
      runtime::StartServer({.port = port, .threads = 2, .cpus = 2, .package = arguments[1]});
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the server could not be started: %s\n", error.what());
    _exit(1);
  }
  if (write(STDOUT_FILENO, "r", 1) != 1) _exit(1);
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  _exit(0);
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  socklen_t size = sizeof address;
  const bool found = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  if (!found) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

ServerProcess::ServerProcess(std::string kind) : kind_(std::move(kind)), port_(FreePort()) { Start(); }

ServerProcess::~ServerProcess() { Kill(); }

void ServerProcess::Start() {
  int input[2];
  int output[2];
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  const std::string port = std::to_string(port_);
  const char* arguments[] = {"/proc/self/exe", "--serve", port.c_str(), kind_.c_str(), nullptr};
  const int failure =
      posix_spawn(&pid_, arguments[0], &actions, nullptr, const_cast<char* const*>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(input[0]);
  close(output[1]);
  input_ = input[1];
  char byte = 0;
  const bool ready = failure == 0 && read(output[0], &byte, 1) == 1;
  close(output[0]);
  if (!ready) throw std::runtime_error("a server process could not be started");
}

void ServerProcess::Signal(int signal) const { kill(pid_, signal); }

void ServerProcess::Kill() {
  if (pid_ < 0) return;
  Signal(SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(input_);
  pid_ = -1;
}

void ServerProcess::Restart() { Start(); }

}  // namespace ke::test
