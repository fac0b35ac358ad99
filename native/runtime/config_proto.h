// Parts that the ConfigProtos of the addon's sessions and of a worker's server share.
#pragma once

#include <cstdint>

#include "tensorflow/device_kind.h"
#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"

namespace ke::runtime::config_proto {

// Sets the number of devices of a kind. TensorFlow creates the requested number of CPU devices, and one by
// default.
inline void AddDeviceCount(const tf::DeviceKind& kind, int32_t count, protozero::pbf_writer* config) {
  protozero::pbf_writer entry(*config, fields::config::kDeviceCount);
  entry.add_string(fields::map_entry::kKey, kind.name);
  entry.add_int32(fields::map_entry::kValue, count);
}

}  // namespace ke::runtime::config_proto
