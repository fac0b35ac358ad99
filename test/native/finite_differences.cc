#include "finite_differences.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ke::test {
namespace {

struct Slope {
  double value;
  double doubt;  // the deviation of f from a cubic near this point
};

// Computes the slope from f at -2h, -h, 0, h and 2h. A kink within 2h that changes the slope by s causes a
// doubt of s / 7 or more. If the kink is in the middle, the two differences agree, but the two bends differ.
Slope SlopeAt(const std::function<double(double)>& f, double centre, double h) {
  const double below = f(-h), above = f(h), far_below = f(-2 * h), far_above = f(2 * h);
  const double narrow = (above - below) / (2 * h);
  const double wide = (far_above - far_below) / (4 * h);
  const double bend = (above - 2 * centre + below) / h;
  const double wide_bend = (far_above - 2 * centre + far_below) / (2 * h);
  return {narrow + (narrow - wide) / 3, std::max(std::abs(narrow - wide), std::abs(wide_bend - 2 * bend))};
}

// Returns nullopt if f has no derivative within the step.
std::optional<Differences> AtStep(std::vector<double>* arg, const Moved& f, double centre, double step,
                                  const Precision& precision) {
  // Rounding inside f is not visible here and may be larger than the rounding of f's value.
  Differences gradient = {{}, 8 * precision.rounding / step};
  double scale = 1e-3;
  double doubt = 0;
  for (double& element : *arg) {
    const Slope slope = SlopeAt([&](double t) { return f(&element, t); }, centre, step);
    gradient.values.push_back(slope.value);
    scale = std::max(scale, std::abs(slope.value));
    doubt = std::isnan(slope.doubt) ? slope.doubt : std::max(doubt, slope.doubt);
  }
  if (doubt <= scale * precision.tolerance / 4 + gradient.noise) return gradient;
  return std::nullopt;
}

bool Agree(const Differences& a, const Differences& b, double tolerance) {
  double scale = 1e-3;
  double most = 0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    scale = std::max(scale, std::abs(a.values[i]));
    most = std::max(most, std::abs(a.values[i] - b.values[i]));
  }
  return most <= scale * tolerance / 2;
}

}  // namespace

std::optional<Differences> Extrapolate(std::vector<double>* arg, const Moved& f, double centre,
                                       const Precision& precision) {
  std::vector<Differences> earlier;
  for (const double step :
       precision.single ? std::vector<double>{1e-2, 6e-3, 2e-2, 3e-2} : std::vector{1e-4, 1e-5, 1e-3}) {
    auto gradient = AtStep(arg, f, centre, step, precision);
    if (!gradient) continue;
    // In float32 two steps must agree, because rounding inside f may look smooth at one step by chance.
    if (!precision.single) return gradient;
    for (const Differences& other : earlier) {
      if (Agree(other, *gradient, precision.tolerance)) return gradient;
    }
    earlier.push_back(std::move(*gradient));
  }
  return std::nullopt;
}

}  // namespace ke::test
