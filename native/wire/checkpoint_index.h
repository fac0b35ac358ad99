// The index of a checkpoint: what TensorFlow's own reader, which takes a file for its own and ends the
// process where it is wrong, would not check.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "wire/shape.h"

namespace ke::graph {

// Where a tensor is stored, as the index says.
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

// Reads the bytes of the file `path`. Throws DATA_LOSS (truncated, damaged, contradicts itself), OUT_OF_RANGE
// (beyond bounds.h) or UNIMPLEMENTED (another byte order, compressed), naming the file.
CheckpointIndex ReadCheckpointIndex(std::string_view bytes, const std::string& path);

}  // namespace ke::graph
