// Field numbers of tensorflow/core/protobuf/config.proto, ConfigProto, for the addon's sessions and a
// worker's server.
#pragma once

#include <cstdint>

#include "tensorflow/device_kind.h"
#include "tensorflow/protozero.h"

namespace ke::runtime::config_proto {

inline constexpr int kDeviceCount = 1;  // map<string, int32>
inline constexpr int kIntraOpParallelismThreads = 2;
inline constexpr int kInterOpParallelismThreads = 5;
inline constexpr int kGpuOptions = 6;
inline constexpr int kAllowSoftPlacement = 7;
inline constexpr int kUsePerSessionThreads = 9;
inline constexpr int kGraphOptions = 10;
inline constexpr int kOperationTimeoutInMs = 11;
inline constexpr int kSessionInterOpThreadPool = 12;

// Sets the number of devices of a kind. TensorFlow creates the requested number of CPU devices, and one by
// default.
inline void AddDeviceCount(const tf::DeviceKind& kind, int32_t count, protozero::pbf_writer* config) {
  protozero::pbf_writer entry(*config, kDeviceCount);
  entry.add_string(1, kind.name);
  entry.add_int32(2, count);
}

}  // namespace ke::runtime::config_proto
