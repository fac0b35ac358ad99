// Derivatives of a function of numbers by central differences.
#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace ke::test {

// The gradient with respect to an arg by differences.
struct Differences {
  std::vector<double> values;
  double noise = 0;  // the error that rounding may cause
};

// The function's value with an element of the arg moved by t.
using Moved = std::function<double(double* element, double t)>;

struct Precision {
  bool single = false;   // whether the function, or part of it, is computed in float32
  double tolerance = 0;  // relative to the largest derivative
  double rounding = 0;   // absolute rounding error of the function's value
};

// Extrapolates the derivatives from two steps. `centre` is the function's value if nothing is moved. Returns
// nullopt if the function has no derivative within any of the tried steps.
std::optional<Differences> Extrapolate(std::vector<double>* arg, const Moved& f, double centre,
                                       const Precision& precision);

}  // namespace ke::test
