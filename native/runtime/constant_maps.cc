#include "runtime/constant_maps.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace ke::runtime {

int64_t CountConstantMaps(const void* values, size_t element, const MapSizes& sizes) {
  if (sizes.positions < 1) return 0;
  const size_t row = static_cast<size_t>(sizes.units) * element;
  const size_t sample = static_cast<size_t>(sizes.positions) * row;
  const auto* first = static_cast<const char*>(values);
  int64_t count = 0;
  std::vector<size_t> constant(static_cast<size_t>(sizes.units));  // offsets of units
  for (int64_t n = 0; n < sizes.samples; ++n, first += sample) {
    constant.resize(static_cast<size_t>(sizes.units));
    for (size_t unit = 0; unit < constant.size(); ++unit) constant[unit] = unit * element;
    // Most maps differ at the second position, so the loop usually ends there.
    for (int64_t p = 1; p < sizes.positions && !constant.empty(); ++p) {
      const char* const at = first + static_cast<size_t>(p) * row;
      const auto differs = [&](size_t unit) { return std::memcmp(at + unit, first + unit, element) != 0; };
      constant.erase(std::remove_if(constant.begin(), constant.end(), differs), constant.end());
    }
    count += static_cast<int64_t>(constant.size());
  }
  return count;
}

}  // namespace ke::runtime
