// The kinds of devices that models are computed on, and how TensorFlow names devices.
// lib/distribute/device_kinds.ts is the table of the same kinds in TypeScript; a test compares the two.
#pragma once

#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace ke::tf {

struct DeviceKind {
  const char* name;  // as TensorFlow has it
  // Whether the device computes in memory of its own. TensorFlow then places there whatever is told no
  // device.
  bool is_accelerator;
};

inline constexpr DeviceKind kCpu{"CPU", false};
inline constexpr DeviceKind kGpu{"GPU", true};
inline constexpr std::array<DeviceKind, 2> kDeviceKinds{kCpu, kGpu};

// Of a device of this type, as TensorFlow lists it. Types that are in no table (XLA_CPU) are none.
inline bool IsAccelerator(std::string_view type) {
  for (const DeviceKind& kind : kDeviceKinds) {
    if (type == kind.name) return kind.is_accelerator;
  }
  return false;
}

inline constexpr std::string_view kDevicePrefix = "/device:";

// "/device:CPU:0"
inline std::string DeviceName(const DeviceKind& kind, int number) {
  return std::string(kDevicePrefix) + kind.name + ":" + std::to_string(number);
}

// "/job:localhost/replica:0/task:0/device:CPU:0" as "/device:CPU:0". Empty where the name has no such part.
inline std::string_view ShortDeviceName(std::string_view name) {
  const size_t at = name.find(kDevicePrefix);
  return at == std::string_view::npos ? std::string_view() : name.substr(at);
}

// 3 of "/device:CPU:3"; nothing for a device of another kind.
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
