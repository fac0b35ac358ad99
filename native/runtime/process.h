// What belongs to the process and not to one environment: TensorFlow's library.
#pragma once

#include <optional>
#include <string>

namespace ke::runtime {

// Sets the environment variables that TensorFlow reads once, where the user has not: for every session its
// own op threads (else the first session of the process decides for all), oneDNN's packed form of a weight
// kept from run to run (weights never change here, but most are variables), XLA for CPUs, too, in sessions
// that ask for it, and no information logged. Not thread-safe, as setenv is not: call it on the JavaScript
// thread, before LoadTensorFlow.
void PrepareTensorFlowEnvironment();

// Of the process's GPUs, for all its sessions: TensorFlow takes those of the first.
struct GpuOptions {
  bool memory_growth = true;
  std::optional<double> memory_fraction = {};  // of each GPU, at most
  std::string visible_devices = {};            // "0,2"; empty: all
};
void ConfigureGpus(GpuOptions options);
// The same as TensorFlow's GPUOptions.
std::string GpuOptionsProto();

// tf::LoadLibrary; returns TensorFlow's version. Takes 0.2 to 0.6 s.
std::string LoadTensorFlow(const std::string& path);

}  // namespace ke::runtime
