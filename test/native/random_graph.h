// Random small graphs, made of the finite-difference tables' cases: each is a block whose inputs are other
// blocks' outputs, brought to its shape and into its domain.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gradient_check.h"

namespace ke::test {

// A block: a case that has kernels here, and the shapes of its outputs.
struct Block {
  GradientCase test;
  std::vector<std::vector<int64_t>> shapes;
};

std::vector<Block> RunnableBlocks();

// Whether it computes in float32.
bool IsSingle(const GradientCase& test);

struct RandomGraph {
  GradientCase test;  // in float64 from end to end; `single_inside` where a block computes in float32
  std::vector<std::string> blocks;
};

// A graph of `must` and up to three further blocks in float64. The same for the same seed and the same
// tables, everywhere.
RandomGraph MakeRandomGraph(uint64_t seed, const std::vector<const Block*>& must,
                            const std::vector<Block>& all);

// Draws alike with every standard library, whose distributions differ.
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
