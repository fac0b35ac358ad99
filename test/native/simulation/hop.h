// Measures the cost of a hop to a worker: sending inputs, returning maps, and sending weights once.
#pragma once

#include <string>

namespace ke::test {

// Measures against a worker in another process on this machine. The program that calls MeasureHops must serve
// when it is called with --serve. Returns JSON. Requires a loaded TensorFlow.
std::string MeasureHops(int repeats);

}  // namespace ke::test
