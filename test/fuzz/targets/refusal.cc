#include "refusal.h"

#include <cstdio>
#include <cstdlib>

namespace ke::fuzz {

void Tell(const tf::Error& refusal) {
  static const bool tells = std::getenv("KE_FUZZ_REFUSALS") != nullptr;
  if (tells) std::fprintf(stderr, "%s: %s\n", tf::CodeName(refusal.code()), refusal.what());
}

}  // namespace ke::fuzz
