// What belongs to the process and not to one environment: TensorFlow's library, and the way out.
#pragma once

#include <functional>
#include <string>

namespace ke::runtime {

// Sets the environment variables that TensorFlow reads once, where the user has not: for every session its own
// op threads (else the first session of the process decides for all), and no information logged. Not
// thread-safe, as setenv is not: call it on the JavaScript thread, before LoadTensorFlow.
void PrepareTensorFlowEnvironment();

// tf::LoadLibrary; returns TensorFlow's version. Takes 0.2 to 0.6 s.
std::string LoadTensorFlow(const std::string& path);

// Calls `stop` when the process exits without ending the environment first (process.exit on the main thread runs
// no cleanup hooks): threads must not be inside TensorFlow while exit() destroys its statics. The destructor
// unregisters it, and waits where it is being called.
class ExitGuard {
 public:
  explicit ExitGuard(std::function<void()> stop);
  ~ExitGuard();
  ExitGuard(const ExitGuard&) = delete;
  ExitGuard& operator=(const ExitGuard&) = delete;

  void Stop() { stop_(); }

 private:
  std::function<void()> stop_;
};

}  // namespace ke::runtime
