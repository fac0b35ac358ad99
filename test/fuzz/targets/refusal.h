#pragma once

#include "tensorflow/error.h"

namespace ke::fuzz {

// Prints the error on stderr if KE_FUZZ_REFUSALS is set.
void Tell(const tf::Error& refusal);

// Runs `part`, which may refuse its input with a tf::Error.
template <typename Part>
void Try(Part part) {
  try {
    part();
  } catch (const tf::Error& refusal) {
    Tell(refusal);
  }
}

}  // namespace ke::fuzz
