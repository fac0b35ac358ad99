#include "runtime/process.h"

#include <cstdlib>
#include <mutex>
#include <utility>

#include "tensorflow/handles.h"
#include "tensorflow/library.h"
#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"

namespace ke::runtime {

namespace {

void SetDefault(const char* name, const char* value) { setenv(name, value, 0); }

namespace gpu_options = fields::gpu_options;

std::mutex gpu_mutex;

GpuOptions& Gpus() {
  static auto* options = new GpuOptions();
  return *options;
}

}  // namespace

void ConfigureGpus(GpuOptions options) {
  const std::lock_guard<std::mutex> lock(gpu_mutex);
  Gpus() = std::move(options);
}

std::string GpuOptionsProto() {
  const std::lock_guard<std::mutex> lock(gpu_mutex);
  const GpuOptions& options = Gpus();
  std::string bytes;
  protozero::pbf_writer writer(bytes);
  if (options.memory_fraction) {
    writer.add_double(gpu_options::kPerProcessGpuMemoryFraction, *options.memory_fraction);
  }
  writer.add_bool(gpu_options::kAllowGrowth, options.memory_growth);
  if (!options.visible_devices.empty()) {
    writer.add_string(gpu_options::kVisibleDeviceList, options.visible_devices);
  }
  return bytes;
}

void PrepareTensorFlowEnvironment() {
  SetDefault("TF_OVERRIDE_GLOBAL_THREADPOOL", "1");
  SetDefault("TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", "1");
  SetDefault("TF_XLA_FLAGS", "--tf_xla_cpu_global_jit");
  SetDefault("TF_CPP_MIN_LOG_LEVEL", "2");
}

std::string LoadTensorFlow(const std::string& path) {
  tf::LoadLibrary(path);
  // A process registers all ops with its first graph. The registration takes 20 ms, which would otherwise
  // block the JavaScript thread during its first trace.
  const tf::GraphPtr first(tf::C().TF_NewGraph());
  return tf::C().TF_Version();
}

}  // namespace ke::runtime
