// What is known of ops that draw random numbers.
#pragma once

#include <string_view>
#include <vector>

namespace ke::graph {

// How an op draws numbers that a seed among its inputs determines.
struct Draw {
  int shape = -1;          // the input with the sizes of the result; -1: there is none
  std::vector<int> seeds;  // the inputs that are the seed, or the key and the counter made of a seed
  // Whether the other inputs are scalars: every number of the result is then of one distribution.
  bool plain = false;
};

// Returns how the op draws, or null if the op draws nothing from a seed.
const Draw* DrawOf(std::string_view op);
// Returns whether the op makes a key and a counter of a seed.
bool MakesKey(std::string_view op);
// Returns the op that draws the same distribution from a seed, for an op that keeps the state of a generator.
// Returns "" if there is none.
std::string_view SeededOp(std::string_view op);
// Returns whether the op draws numbers from the state of a generator, so that each run draws other numbers.
bool DrawsFromState(std::string_view op);

// The attribute of a draw whose numbers the seed of the run determines.
inline constexpr char kDrawnByRun[] = "_drawn_by_run";

}  // namespace ke::graph
