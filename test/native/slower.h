// The factor for time limits of tests. Sanitizers make the addon's code many times slower.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KE_SANITIZED 1
#endif
#endif

namespace ke::test {

#ifdef KE_SANITIZED
constexpr int kSlower = 10;
#else
constexpr int kSlower = 1;
#endif

}  // namespace ke::test
