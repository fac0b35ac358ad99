// The kinds of devices that compute models, and TensorFlow's names of devices. lib/distribute/device_kinds.ts
// is the table of the same kinds in TypeScript. A test compares the two tables.
#pragma once

#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace ke::tf {

struct DeviceKind {
  const char* name;  // TensorFlow's name
  // Whether the device has memory of its own. TensorFlow places every op without a device name on an
  // accelerator.
  bool is_accelerator;
};

inline constexpr DeviceKind kCpu{"CPU", false};
inline constexpr DeviceKind kGpu{"GPU", true};
inline constexpr std::array<DeviceKind, 2> kDeviceKinds{kCpu, kGpu};

// Returns whether devices of TensorFlow's device type `type` are accelerators. False for a type that is not
// in the table, such as XLA_CPU.
inline bool IsAccelerator(std::string_view type) {
  for (const DeviceKind& kind : kDeviceKinds) {
    if (type == kind.name) return kind.is_accelerator;
  }
  return false;
}

inline constexpr std::string_view kDevicePrefix = "/device:";

// Returns the short name of a device, such as "/device:CPU:0".
inline std::string DeviceName(const DeviceKind& kind, int number) {
  return std::string(kDevicePrefix) + kind.name + ":" + std::to_string(number);
}

// Returns "/device:CPU:0" for "/job:localhost/replica:0/task:0/device:CPU:0", and an empty text if `name` has
// no "/device:" part.
inline std::string_view ShortDeviceName(std::string_view name) {
  const size_t at = name.find(kDevicePrefix);
  return at == std::string_view::npos ? std::string_view() : name.substr(at);
}

// Returns 3 for "/device:CPU:3", and nothing for a device of another kind.
inline std::optional<int> DeviceNumber(std::string_view name, const DeviceKind& kind) {
  const std::string start = std::string(kDevicePrefix) + kind.name + ":";
  const std::string_view device = ShortDeviceName(name);
  if (!device.starts_with(start)) return std::nullopt;
  int number = 0;
  const char* const end = device.data() + device.size();
  const auto [stop, error] = std::from_chars(device.data() + start.size(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace ke::tf
