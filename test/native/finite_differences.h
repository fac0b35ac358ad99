// Derivatives of a function of numbers, told by central differences.
#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace ke::test {

// The gradient of an arg as differences tell it.
struct Differences {
  std::vector<double> values;
  double noise = 0;  // how far off rounding may have put them
};

// The function where an element of the arg is moved by t.
using Moved = std::function<double(double* element, double t)>;

struct Precision {
  bool single = false;   // whether the function, or part of it, is computed in float32
  double tolerance = 0;  // of the largest derivative
  double rounding = 0;   // of the function's value
};

// Extrapolated from two steps; `centre` is the function where nothing is moved. Nullopt where it has no
// derivative within any of the steps tried.
std::optional<Differences> Extrapolate(std::vector<double>* arg, const Moved& f, double centre,
                                       const Precision& precision);

}  // namespace ke::test
