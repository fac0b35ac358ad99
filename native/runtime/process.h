// State of the process that all environments share: TensorFlow's library.
#pragma once

#include <optional>
#include <string>

namespace ke::runtime {

// Sets the environment variables that TensorFlow reads once, unless the user has set them. Every session gets
// its own op threads; otherwise the first session of the process determines the threads of all. oneDNN keeps
// the packed form of a weight from run to run: most weights are variables, but weights never change here. XLA
// also compiles for CPUs, in sessions that request XLA. TensorFlow logs only errors. Not thread-safe, because
// setenv is not: call this function on the JavaScript thread, before LoadTensorFlow.
void PrepareTensorFlowEnvironment();

// The options of the process's GPUs, for all sessions. TensorFlow uses the options of the first session.
struct GpuOptions {
  bool memory_growth = true;
  std::optional<double> memory_fraction = {};  // the maximum fraction of each GPU's memory
  std::string visible_devices = {};            // such as "0,2"; empty for all
};
void ConfigureGpus(GpuOptions options);
// Returns the options as TensorFlow's message GPUOptions.
std::string GpuOptionsProto();

// Calls tf::LoadLibrary and returns TensorFlow's version. Takes 0.2 to 0.6 s.
std::string LoadTensorFlow(const std::string& path);

}  // namespace ke::runtime
