// Random small graphs from the cases of the finite-difference tables. Each case is a block. The inputs of a
// block are outputs of other blocks, converted to the input's shape and domain.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gradient_check.h"

namespace ke::test {

// A block: a case with kernels on this machine, and the shapes of its outputs.
struct Block {
  GradientCase test;
  std::vector<std::vector<int64_t>> shapes;
};

std::vector<Block> RunnableBlocks();

// Returns whether the case computes in float32.
bool IsSingle(const GradientCase& test);

struct RandomGraph {
  GradientCase test;  // float64 at the inputs and outputs; `single_inside` if a block computes in float32
  std::vector<std::string> blocks;
};

// Makes a graph of the blocks `must` and up to three further blocks in float64. The same seed and the same
// tables produce the same graph on every machine.
RandomGraph MakeRandomGraph(uint64_t seed, const std::vector<const Block*>& must,
                            const std::vector<Block>& all);

// Draws the same numbers with every standard library. The distributions of standard libraries differ.
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}
  size_t Below(size_t end) { return random_() % end; }
  bool Chance(double share) { return Real(0, 1) < share; }
  double Real(double low, double high) {
    return low + (high - low) * static_cast<double>(random_() >> 11) * 0x1p-53;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace ke::test
