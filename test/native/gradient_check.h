// Proves a gradient by finite differences: sum(w * f(x)) for fixed random weights w, each element of each x
// moved by a step up and down, against what the tape's graph gives.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "build/scope.h"

namespace ke::test {

// An input of the function under test, fed through a placeholder.
struct Arg {
  std::vector<int64_t> shape;
  // Random values are drawn from [low, high); `values` replaces them.
  double low = -2;
  double high = 2;
  std::vector<double> values = {};
  TF_DataType dtype = TF_DOUBLE;
  // Axes that stay static in every mode, as a filter's shape and an image's channels are.
  std::vector<int> static_axes = {};
};

using Tensors = std::vector<TF_Output>;

struct GradientCase {
  std::string name;
  std::vector<Arg> args;
  std::function<Tensors(graph::Scope& s, const Tensors& x)> build;
  // Ops that have no float64 kernel are run in float32, with a larger step and tolerance.
  bool single = false;
  // Takes and gives float64, but part of it is computed in float32.
  bool single_inside = false;
  // Runs only on oneDNN's kernels (NCHW and some dilations on a CPU): skipped, visibly, where there are none.
  bool needs_onednn = false;
  double step = 0;       // 0: 1e-6, or 1e-2 in float32
  double tolerance = 0;  // of the largest gradient of the arg; 0: 1e-5, or 2e-3 in float32
};

std::ostream& operator<<(std::ostream& out, const GradientCase& test);

// What is static when the tape is built, and where the gradient's ops go.
enum class Mode {
  kStatic,       // every shape
  kBatch,        // all but the first axis
  kRank,         // ranks
  kUnknownRank,  // nothing; the rule may refuse
  kBody,         // all but the first axis, and the gradient is built into a function's body
};

// Fails the running test where the gradients of `test` are wrong in any mode, or an arg alone gets another
// gradient than together with the others.
void CheckGradient(const GradientCase& test);

// The same at values drawn from `seed`, in the given modes. Derivatives are extrapolated from two steps.
// Returns false, with nothing checked, where the steps disagree: the function has a kink or a jump near these
// values.
bool CheckGradientAt(const GradientCase& test, unsigned seed, const std::vector<Mode>& modes);

// The op types that the case's function is made of.
std::vector<std::string> OpTypes(const GradientCase& test);

// Its outputs' shapes at values drawn from a fixed seed; throws tf::Error where there is no kernel for it.
std::vector<std::vector<int64_t>> OutputShapes(const GradientCase& test);

// A one-op function: its first `inputs` args, then attributes or constants by `more`.
using More = std::function<void(graph::Scope& s, graph::OpBuilder& op)>;
GradientCase OneOp(const std::string& type, std::vector<Arg> args, const More& more = nullptr,
                   const std::string& suffix = "");

// The tables, one per test file; a test of the registry wants every rule in one of them.
std::vector<GradientCase> ElementwiseCases();
std::vector<GradientCase> ActivationCases();
std::vector<GradientCase> ReductionCases();
std::vector<GradientCase> LinearCases();
std::vector<GradientCase> ConvolutionCases();
std::vector<GradientCase> PoolingCases();
std::vector<GradientCase> NormalizationCases();
std::vector<GradientCase> ShapeCases();
std::vector<GradientCase> GatherCases();
std::vector<GradientCase> ResizeCases();
std::vector<GradientCase> SecondOrderCases();
// All of them.
std::vector<GradientCase> AllCases();

}  // namespace ke::test
