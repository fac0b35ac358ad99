// Subnormal numbers (below 1e-38 in float32) as zeros. TensorFlow's own threads flush subnormals. Callers of
// this addon compute ops in their own thread, and must do the same: a gradient that vanishes over the steps
// of a recurrent network consists of subnormals, and a matrix product of subnormals is up to 20 times slower.
#pragma once

#include <cstdint>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace ke::runtime {

// Flushes subnormals in the calling thread until the end of the scope.
class FlushSubnormals {
 public:
  FlushSubnormals() : before_(Get()) { Set(before_ | kFlush); }
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;
  ~FlushSubnormals() { Set(before_); }

 private:
#if defined(__x86_64__)
  using Register = uint32_t;
  static constexpr Register kFlush = 1U << 15 | 1U << 6;  // of results, of operands
  static Register Get() { return _mm_getcsr(); }
  static void Set(Register value) { _mm_setcsr(value); }
#elif defined(__aarch64__)
  using Register = uint64_t;
  static constexpr Register kFlush = 1U << 24;
  static Register Get() {
    Register value = 0;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void Set(Register value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
#else
  using Register = uint32_t;
  static constexpr Register kFlush = 0;
  static Register Get() { return 0; }
  static void Set(Register) {}
#endif

  const Register before_;
};

}  // namespace ke::runtime
