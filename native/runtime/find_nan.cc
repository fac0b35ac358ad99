#include "runtime/find_nan.h"

#include <algorithm>
#include <cstring>

namespace ke::runtime {

namespace {

// A NaN is a value whose bits, without the sign, are above the bits of infinity.
template <typename Bits, Bits infinity>
int64_t FindAbove(const void* elements, int64_t count) {
  constexpr Bits kMagnitude = static_cast<Bits>(-1) >> 1;
  // Rows of a tensor may begin at an address that is not aligned for the type, so the elements are copied
  // out.
  const auto* const bytes = static_cast<const char*>(elements);
  const auto is_nan = [bytes](int64_t i) {
    Bits bits;
    std::memcpy(&bits, bytes + static_cast<size_t>(i) * sizeof(Bits), sizeof(Bits));
    return static_cast<Bits>(bits & kMagnitude) > infinity;
  };
  // A block is checked without a branch, so that the compiler vectorises the loop.
  constexpr int64_t kBlock = 1024;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(count, begin + kBlock);
    Bits found = 0;
    for (int64_t i = begin; i < end; ++i) found |= static_cast<Bits>(is_nan(i));
    if (found == 0) continue;
    for (int64_t i = begin; i < end; ++i) {
      if (is_nan(i)) return i;
    }
  }
  return -1;
}

}  // namespace

int64_t FindNaN(TF_DataType dtype, const void* elements, int64_t count) {
  switch (dtype) {
    case TF_FLOAT:
      return FindAbove<uint32_t, 0x7f800000>(elements, count);
    case TF_DOUBLE:
      return FindAbove<uint64_t, 0x7ff0000000000000>(elements, count);
    case TF_HALF:
      return FindAbove<uint16_t, 0x7c00>(elements, count);
    case TF_BFLOAT16:
      return FindAbove<uint16_t, 0x7f80>(elements, count);
    default:
      return -1;
  }
}

}  // namespace ke::runtime
