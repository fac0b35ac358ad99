#include "runtime/process.h"

#include <cstdlib>
#include <mutex>
#include <set>

#include "tensorflow/library.h"

namespace ke::runtime {

namespace {

struct Guards {
  std::mutex mutex;
  std::set<ExitGuard*> live;
};

// Never destroyed: an environment may end after the statics of this library.
Guards& AllGuards() {
  static auto* guards = new Guards();
  return *guards;
}

void StopAll() {
  Guards& guards = AllGuards();
  const std::lock_guard<std::mutex> lock(guards.mutex);
  for (ExitGuard* guard : guards.live) guard->Stop();
}

void SetDefault(const char* name, const char* value) {
#ifdef _WIN32
  if (std::getenv(name) == nullptr) _putenv_s(name, value);
#else
  setenv(name, value, 0);
#endif
}

}  // namespace

void PrepareTensorFlowEnvironment() {
  SetDefault("TF_OVERRIDE_GLOBAL_THREADPOOL", "1");
  SetDefault("TF_CPP_MIN_LOG_LEVEL", "2");
}

std::string LoadTensorFlow(const std::string& path) {
  tf::LoadLibrary(path);
  // Registered after the library's own, so called before TensorFlow's statics are destroyed.
  static std::once_flag once;
  std::call_once(once, [] { std::atexit(StopAll); });
  return tf::C().TF_Version();
}

ExitGuard::ExitGuard(std::function<void()> stop) : stop_(std::move(stop)) {
  Guards& guards = AllGuards();
  const std::lock_guard<std::mutex> lock(guards.mutex);
  guards.live.insert(this);
}

ExitGuard::~ExitGuard() {
  Guards& guards = AllGuards();
  const std::lock_guard<std::mutex> lock(guards.mutex);
  guards.live.erase(this);
}

}  // namespace ke::runtime
