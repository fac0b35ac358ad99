// The names of devices, and the kinds that are accelerators.
#include "tensorflow/device_kind.h"

#include <gtest/gtest.h>

namespace ke::tf {
namespace {

TEST(DeviceKind, SaysWhatIsAnAccelerator) {
  EXPECT_TRUE(IsAccelerator("GPU"));
  EXPECT_FALSE(IsAccelerator("CPU"));
  EXPECT_FALSE(IsAccelerator("XLA_GPU"));
}

TEST(DeviceKind, WritesAndReadsNames) {
  EXPECT_EQ(DeviceName(kGpu, 1), "/device:GPU:1");
  EXPECT_EQ(ShortDeviceName("/job:localhost/replica:0/task:0/device:CPU:0"), "/device:CPU:0");
  EXPECT_EQ(ShortDeviceName("CPU:0"), "");
  EXPECT_EQ(DeviceNumber("/device:CPU:3", kCpu), 3);
  EXPECT_EQ(DeviceNumber("/job:worker/replica:0/task:0/device:CPU:12", kCpu), 12);
  for (const char* name : {"/device:GPU:3", "/device:XLA_CPU:3", "/device:CPU:", "/device:CPU:3x",
                           "/device:CPU:99999999999", "CPU:3", ""}) {
    EXPECT_EQ(DeviceNumber(name, kCpu), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace ke::tf
