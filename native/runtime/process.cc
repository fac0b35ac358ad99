#include "runtime/process.h"

#include <cstdlib>

#include "tensorflow/handles.h"
#include "tensorflow/library.h"

namespace ke::runtime {

namespace {

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
  SetDefault("TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", "1");
  SetDefault("TF_CPP_MIN_LOG_LEVEL", "2");
}

std::string LoadTensorFlow(const std::string& path) {
  tf::LoadLibrary(path);
  // With its first graph a process registers all ops: 20 ms, which the JavaScript thread's first trace would
  // spend.
  const tf::GraphPtr first(tf::C().TF_NewGraph());
  return tf::C().TF_Version();
}

}  // namespace ke::runtime
