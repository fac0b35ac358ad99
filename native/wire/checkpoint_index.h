// Reads the index of a checkpoint and checks the index. TensorFlow's own reader trusts the file and ends the
// process if the file is damaged.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "wire/shape.h"

namespace ke::graph {

// The storage place of a tensor, as the index gives it.
struct StoredTensor {
  TF_DataType dtype = TF_FLOAT;
  Shape shape;  // passed CheckShape
  int64_t shard = 0;
  int64_t offset = 0;
  int64_t size = 0;  // bytes
  uint32_t crc32c = 0;
  bool in_slices = false;  // stored in parts, under other keys
};

struct CheckpointIndex {
  int64_t shards = 1;
  std::map<std::string, StoredTensor, std::less<>> tensors;
};

// Reads the bytes of the file `path`. Throws DATA_LOSS (truncated, damaged or inconsistent), OUT_OF_RANGE
// (beyond bounds.h) or UNIMPLEMENTED (other byte order, or compressed). The error names the file.
CheckpointIndex ReadCheckpointIndex(std::string_view bytes, const std::string& path);

}  // namespace ke::graph
