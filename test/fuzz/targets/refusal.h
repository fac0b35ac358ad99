#pragma once

#include "tensorflow/error.h"

namespace ke::fuzz {

// Says on stderr how it was refused, where KE_FUZZ_REFUSALS is set.
void Tell(const tf::Error& refusal);

// Runs what may refuse its input.
template <typename Part>
void Try(Part part) {
  try {
    part();
  } catch (const tf::Error& refusal) {
    Tell(refusal);
  }
}

}  // namespace ke::fuzz
