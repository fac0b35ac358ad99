// Field numbers of tensorflow/core/protobuf/config.proto, ConfigProto: for our sessions and for a worker's
// server.
#pragma once

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

}  // namespace ke::runtime::config_proto
