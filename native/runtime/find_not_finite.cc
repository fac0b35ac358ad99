#include "runtime/find_not_finite.h"

#include <algorithm>
#include <cstring>

namespace ke::runtime {

namespace {

// NaN and infinity are the values whose bits, without the sign, are at least the bits of infinity.
template <typename Bits, Bits infinity>
int64_t FindFrom(const void* elements, int64_t count) {
  constexpr Bits kMagnitude = static_cast<Bits>(-1) >> 1;
  // Rows of a tensor may begin at an address that is not aligned for the type, so the elements are copied
  // out.
  const auto* const bytes = static_cast<const char*>(elements);
  const auto is_not_finite = [bytes](int64_t i) {
    Bits bits;
    std::memcpy(&bits, bytes + static_cast<size_t>(i) * sizeof(Bits), sizeof(Bits));
    return static_cast<Bits>(bits & kMagnitude) >= infinity;
  };
  // A block is checked without a branch, so that the compiler vectorises the loop.
  constexpr int64_t kBlock = 1024;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(count, begin + kBlock);
    Bits found = 0;
    for (int64_t i = begin; i < end; ++i) found |= static_cast<Bits>(is_not_finite(i));
    if (found == 0) continue;
    for (int64_t i = begin; i < end; ++i) {
      if (is_not_finite(i)) return i;
    }
  }
  return -1;
}

}  // namespace

int64_t FindNotFinite(TF_DataType dtype, const void* elements, int64_t count) {
  switch (dtype) {
    case TF_FLOAT:
      return FindFrom<uint32_t, 0x7f800000>(elements, count);
    case TF_DOUBLE:
      return FindFrom<uint64_t, 0x7ff0000000000000>(elements, count);
    case TF_HALF:
      return FindFrom<uint16_t, 0x7c00>(elements, count);
    case TF_BFLOAT16:
      return FindFrom<uint16_t, 0x7f80>(elements, count);
    default:
      return -1;
  }
}

}  // namespace ke::runtime
