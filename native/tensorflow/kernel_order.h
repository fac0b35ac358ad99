// What TensorFlow promises, told to ThreadSanitizer, which does not see TensorFlow's own locks: a kernel is
// made before it computes, and all kernels of a run have ended when the run returns. Nothing in any other
// build.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define KE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KE_THREAD_SANITIZER 1
#endif
#endif

#ifdef KE_THREAD_SANITIZER
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace ke::tf {

#ifdef KE_THREAD_SANITIZER
// One for all runs: it orders some that are not, so that a race of a kernel with the caller of another run
// may hide.
inline char kernels_ended;
inline void KernelIsMade(void* kernel) {
  if (kernel != nullptr) __tsan_release(kernel);
}
inline void KernelBegins(void* kernel) {
  if (kernel != nullptr) __tsan_acquire(kernel);
}
inline void KernelEnds() { __tsan_release(&kernels_ended); }
inline void RunReturns() { __tsan_acquire(&kernels_ended); }
#else
inline void KernelIsMade(void* /*kernel*/) {}
inline void KernelBegins(void* /*kernel*/) {}
inline void KernelEnds() {}
inline void RunReturns() {}
#endif

}  // namespace ke::tf
