// Proves a gradient by finite differences. The function is sum(w * f(x)) for fixed random weights w. Each
// element of each x is moved by a step up and down, and the difference is compared with the gradient of the
// tape's graph.
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
  // Random values are drawn from [low, high). `values` replaces the random values.
  double low = -2;
  double high = 2;
  std::vector<double> values = {};
  TF_DataType dtype = TF_DOUBLE;
  // Axes that are static in every mode, such as a filter's shape and an image's channels.
  std::vector<int> static_axes = {};
};

using Tensors = std::vector<TF_Output>;

struct GradientCase {
  std::string name;
  std::vector<Arg> args;
  std::function<Tensors(graph::Scope& s, const Tensors& x)> build;
  // Whether the ops run in float32, with a larger step and tolerance, because they have no float64 kernel.
  bool single = false;
  // Whether the inputs and outputs are float64 but a part is computed in float32.
  bool single_inside = false;
  // Whether only oneDNN has the kernels (NCHW and some dilations on a CPU). The test is skipped, visibly, if
  // there are no such kernels.
  bool needs_onednn = false;
  double step = 0;       // 0: 1e-6, or 1e-2 in float32
  double tolerance = 0;  // relative to the arg's largest gradient; 0: 1e-5, or 2e-3 in float32
};

std::ostream& operator<<(std::ostream& out, const GradientCase& test);

// The static knowledge when the tape is built, and the destination of the gradient's ops.
enum class Mode {
  kStatic,       // every shape
  kBatch,        // all but the first axis
  kRank,         // ranks
  kUnknownRank,  // nothing is static; the rule may refuse
  kBody,         // all but the first axis, and the gradient is built into a function's body
};

// Fails the running test if the gradients of `test` are wrong in any mode, or if the gradient of an arg alone
// differs from the gradient of the arg together with the others.
void CheckGradient(const GradientCase& test);

// As CheckGradient, at values drawn from `seed`, in the given modes. The derivatives are extrapolated from
// two steps. Returns false and checks nothing if the steps disagree: the function then has a kink or a jump
// near these values.
bool CheckGradientAt(const GradientCase& test, unsigned seed, const std::vector<Mode>& modes);

// Returns the op types of the case's function.
std::vector<std::string> OpTypes(const GradientCase& test);

// Returns the shapes of the case's outputs at values drawn from a fixed seed. Throws tf::Error if there is no
// kernel for the case.
std::vector<std::vector<int64_t>> OutputShapes(const GradientCase& test);

// Returns a case of one op. The inputs are `args`. `more` adds attributes or constants.
using More = std::function<void(graph::Scope& s, graph::OpBuilder& op)>;
GradientCase OneOp(const std::string& type, std::vector<Arg> args, const More& more = nullptr,
                   const std::string& suffix = "");

// The tables of cases, one per test file. A test of the registry requires every rule in one of the tables.
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
std::vector<GradientCase> ControlFlowCases();
std::vector<GradientCase> SecondOrderCases();
std::vector<GradientCase> ComplexCases();
std::vector<GradientCase> SpecialCases();
std::vector<GradientCase> MatrixCases();
std::vector<GradientCase> SegmentCases();
std::vector<GradientCase> SparseCases();
std::vector<GradientCase> ImageCases();
// Returns the ops whose gradient is not their derivative: TensorFlow defines the gradient.
// gradient_values_test.cc compares these gradients with those of TensorFlow's tape.
const std::vector<std::string>& GradientsDefinedByTensorflow();
// All tables together.
std::vector<GradientCase> AllCases();

}  // namespace ke::test
