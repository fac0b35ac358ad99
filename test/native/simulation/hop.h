// What a hop to a worker costs: inputs there, maps back, weights there once.
#pragma once

#include <string>

namespace ke::test {

// Against a worker in a process of its own on this machine (of a program that serves when it is called with
// --serve). JSON. Needs a loaded TensorFlow.
std::string MeasureHops(int repeats);

}  // namespace ke::test
