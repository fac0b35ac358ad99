// TensorFlow's ordering guarantees, declared to ThreadSanitizer, which does not see the locks inside
// TensorFlow. A kernel is constructed before the kernel computes. All kernels of a run have ended when the
// run returns. In builds without ThreadSanitizer these functions do nothing.
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
// One address serves all runs. The address also orders runs that are in truth unordered, so a race between a
// kernel and the caller of another run may stay hidden.
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
