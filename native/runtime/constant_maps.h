#pragma once

#include <cstddef>
#include <cstdint>

namespace ke::runtime {

// The sizes of maps (samples, positions, units).
struct MapSizes {
  int64_t samples;
  int64_t positions;
  int64_t units;
};

// Returns how many of the samples x units maps have the same value at every position. A map of one position
// counts, and a map without positions does not. `element` is the size of a value in bytes.
int64_t CountConstantMaps(const void* values, size_t element, const MapSizes& sizes);

}  // namespace ke::runtime
