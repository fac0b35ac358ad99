#include "gradient_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <ostream>
#include <random>

#include "finite_differences.h"
#include "gradient/batch_axis.h"
#include "gradient/ops.h"
#include "gradient/tape.h"
#include "run_graph.h"
#include "tensorflow/dtype.h"

namespace ke::test {

using graph::Scope;
using graph::Shape;
using tf::C;

namespace {

constexpr unsigned kSeed = 20240229;

TF_DataType DTypeOf(const GradientCase& test, const Arg& arg) {
  return arg.dtype == TF_DOUBLE && test.single ? TF_FLOAT : arg.dtype;
}

const char* ModeName(Mode mode) {
  switch (mode) {
    case Mode::kStatic:
      return "static shapes";
    case Mode::kBatch:
      return "first axis unknown";
    case Mode::kRank:
      return "all axes unknown";
    case Mode::kUnknownRank:
      return "rank unknown";
    case Mode::kBody:
      return "in a function's body";
  }
  return "";
}

Shape ShapeOf(const Arg& arg, Mode mode) {
  Shape shape = Shape::Of(arg.shape);
  if (mode == Mode::kUnknownRank && arg.static_axes.empty()) return Shape::Unknown();
  if (mode == Mode::kRank || mode == Mode::kUnknownRank) std::fill(shape.dims.begin(), shape.dims.end(), -1);
  if ((mode == Mode::kBatch || mode == Mode::kBody) && shape.rank() > 0) shape.dims[0] = -1;
  for (const int axis : arg.static_axes) shape.dims[axis] = arg.shape[axis];
  return shape;
}

std::vector<double> Random(std::mt19937* random, int64_t count, double low, double high) {
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<double> values(count);
  for (double& value : values) value = uniform(*random);
  return values;
}

// The function in a new graph, with placeholders for its args.
struct Built {
  Built(const GradientCase& test, Mode mode) {
    for (const Arg& arg : test.args) {
      x.push_back(scope.Placeholder(DTypeOf(test, arg), ShapeOf(arg, mode), "x"));
    }
    for (const TF_Output& y_i : test.build(scope, x)) {
      if (tf::IsFloating(Scope::GetDType(y_i))) y.push_back(y_i);
    }
    for (size_t i = 0; i < x.size(); ++i) {
      if (tf::IsFloating(Scope::GetDType(x[i]))) differentiable.push_back(i);
    }
  }

  // Returns the args of the gradient.
  Tensors Xs() const {
    Tensors xs;
    for (const size_t i : differentiable) xs.push_back(x[i]);
    return xs;
  }

  Scope scope;
  Tensors x;
  Tensors y;
  std::vector<size_t> differentiable;
};

struct Values {
  std::vector<std::vector<double>> args;
  std::vector<std::vector<double>> weights;  // per y
  std::vector<std::vector<int64_t>> y_shapes;
};

std::vector<tf::TensorPtr> ArgTensors(const GradientCase& test, const Values& values) {
  std::vector<tf::TensorPtr> tensors;
  for (size_t i = 0; i < test.args.size(); ++i) {
    tensors.push_back(MakeTensor(DTypeOf(test, test.args[i]), test.args[i].shape, values.args[i]));
  }
  return tensors;
}

std::vector<Feed> Feeds(const Tensors& x, const std::vector<tf::TensorPtr>& tensors) {
  std::vector<Feed> feeds;
  for (size_t i = 0; i < x.size(); ++i) feeds.emplace_back(x[i], tensors[i].get());
  return feeds;
}

// Draws the args, and a weight for each element of the function's value at the args.
Values DrawValues(const GradientCase& test, const Built& built, GraphRunner* runner, unsigned seed) {
  std::mt19937 random(seed);
  Values values;
  for (const Arg& arg : test.args) {
    values.args.push_back(arg.values.empty() ? Random(&random, ElementCount(arg.shape), arg.low, arg.high)
                                             : arg.values);
  }
  const auto tensors = ArgTensors(test, values);
  for (const tf::TensorPtr& y : runner->Run(Feeds(built.x, tensors), built.y)) {
    values.y_shapes.push_back(tf::Dims(y.get()));
    values.weights.push_back(Random(&random, ElementCount(values.y_shapes.back()), 0.5, 1.5));
    // The signs differ, and no weight is near zero.
    for (size_t k = 0; k < values.weights.back().size(); k += 2) values.weights.back()[k] *= -1;
  }
  return values;
}

// Returns w * f(x) for each element of f, in double for any dtype of f.
std::vector<double> Weighted(const GradientCase& test, const Built& built, GraphRunner* runner,
                             const Values& values) {
  const auto tensors = ArgTensors(test, values);
  std::vector<double> weighted;
  const auto outputs = runner->Run(Feeds(built.x, tensors), built.y);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::vector<double> y = ToDoubles(outputs[i].get());
    for (size_t k = 0; k < y.size(); ++k) weighted.push_back(values.weights[i][k] * y[k]);
  }
  return weighted;
}

double WeightedSum(const GradientCase& test, const Built& built, GraphRunner* runner, const Values& values) {
  const std::vector<double> weighted = Weighted(test, built, runner, values);
  return std::accumulate(weighted.begin(), weighted.end(), 0.0);
}

bool RoundsToSingle(const GradientCase& test) { return test.single || test.single_inside; }

// Returns the total rounding error of all elements of f.
double Rounding(const GradientCase& test, const Built& built, GraphRunner* runner, const Values& values) {
  double size = 0;
  for (const double each : Weighted(test, built, runner, values)) size += std::abs(each);
  return std::ldexp(size, RoundsToSingle(test) ? -24 : -53);
}

double ToleranceOf(const GradientCase& test) {
  return test.tolerance > 0 ? test.tolerance : RoundsToSingle(test) ? 2e-3 : 1e-5;
}

// Returns nullopt if f has no derivative within any of the steps.
std::optional<std::vector<Differences>> Extrapolated(const GradientCase& test, const Built& built,
                                                     GraphRunner* runner, Values values) {
  const double centre = WeightedSum(test, built, runner, values);
  const Precision precision = {RoundsToSingle(test), ToleranceOf(test),
                               Rounding(test, built, runner, values)};
  const auto f = [&](double* element, double t) {
    const double original = *element;
    *element = original + t;
    const double moved = WeightedSum(test, built, runner, values);
    *element = original;
    return moved;
  };
  std::vector<Differences> gradients;
  for (const size_t i : built.differentiable) {
    auto gradient = Extrapolate(&values.args[i], f, centre, precision);
    if (!gradient) return std::nullopt;
    gradients.push_back(std::move(*gradient));
  }
  return gradients;
}

std::vector<Differences> FiniteDifferences(const GradientCase& test, const Built& built, GraphRunner* runner,
                                           Values values) {
  const double step = test.step > 0 ? test.step : test.single ? 1e-2 : 1e-6;
  std::vector<Differences> gradients;
  for (const size_t i : built.differentiable) {
    gradients.emplace_back();
    for (double& element : values.args[i]) {
      const double original = element;
      element = original + step;
      const double above = WeightedSum(test, built, runner, values);
      element = original - step;
      const double below = WeightedSum(test, built, runner, values);
      element = original;
      gradients.back().values.push_back((above - below) / (2 * step));
    }
  }
  return gradients;
}

// Builds the gradients in the body of a function of (dy..., captures...), and calls the function.
Tensors GradientsInBody(Built* built, const Tensors& seeds) {
  Scope body(&built->scope);
  Tensors arguments;
  std::vector<TF_DataType> in_types;
  std::vector<TF_DataType> out_types;
  for (const TF_Output& seed : seeds) {
    arguments.push_back(body.Placeholder(Scope::GetDType(seed), built->scope.GetShape(seed), "dy"));
    in_types.push_back(Scope::GetDType(seed));
  }
  const Tensors results = gradient::Gradient(&built->scope, &body, built->y, built->Xs(), arguments, {});
  Tensors inputs = seeds;
  for (const TF_Output& captured : body.captured()) {
    arguments.push_back(body.Import(captured));
    in_types.push_back(Scope::GetDType(captured));
    inputs.push_back(captured);
  }
  for (const TF_Output& result : results) out_types.push_back(Scope::GetDType(result));
  body.CloseInto("backward", arguments, results);
  return built->scope.Op("PartitionedCall")
      .InList(inputs)
      .AttrTypes("Tin", in_types)
      .AttrTypes("Tout", out_types)
      .AttrFunction("f", "backward")
      .Outs();
}

void ExpectClose(const Differences& differences, const tf::TensorPtr& gradient,
                 const std::vector<int64_t>& shape, double tolerance, const std::string& what) {
  EXPECT_EQ(tf::Dims(gradient.get()), shape) << what << ": shape";
  const std::vector<double> actual = ToDoubles(gradient.get());
  const std::vector<double>& expected = differences.values;
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double scale = 0;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  const double allowed = tolerance * std::max(scale, 1e-3) + differences.noise;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::abs(actual[i] - expected[i]) <= allowed) continue;  // also false for NaN
    ADD_FAILURE() << what << ", element " << i << ": finite differences " << expected[i] << ", tape "
                  << actual[i] << " (seed " << kSeed << ")";
    return;
  }
}

// Checks that the axes that BatchAxis reports as equal have equal sizes in this run.
void CheckBatchAxis(Built* built, GraphRunner* runner, const std::vector<Feed>& feeds) {
  gradient::BatchAxis batch(&built->scope);
  Tensors tensors;
  size_t position = 0;
  // TensorFlow lists ops in the order of their addition, so each op comes after its inputs.
  while (TF_Operation* op = C().TF_GraphNextOperation(built->scope.graph(), &position)) {
    batch.Visit(op);
    // TensorFlow infers a wrong size for the boundaries that these ops return.
    if (std::string_view(C().TF_OperationOpType(op)).starts_with("Fractional")) continue;
    const int outputs = C().TF_OperationNumOutputs(op);
    for (int i = 0; i < outputs; ++i) {
      // A decomposition without vectors returns an empty tensor in their place, whose inferred rank is wrong.
      if (outputs > 1 && C().TF_OperationOutputNumConsumers({op, i}) == 0) continue;
      if (built->scope.GetShape({op, i}).rank() > 0) tensors.push_back({op, i});
    }
  }
  Tensors fetches;
  for (const TF_Output& tensor : tensors) {
    fetches.push_back(batch.Size(tensor));
    fetches.push_back(built->scope.Op("Shape").In(tensor).Out());
  }
  const auto results = runner->Run(feeds, fetches);
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(ToDoubles(results[2 * i].get())[0], ToDoubles(results[2 * i + 1].get())[0])
        << "first axis of " << C().TF_OperationName(tensors[i].oper);
  }
}

void CheckMode(const GradientCase& test, Mode mode, const Values& values,
               const std::vector<Differences>& expected) {
  SCOPED_TRACE(ModeName(mode));
  std::unique_ptr<Built> owned;
  try {
    owned = std::make_unique<Built>(test, mode);
  } catch (const tf::Error& error) {
    // The function may itself be a gradient, which may be refused.
    if (error.code() == TF_UNIMPLEMENTED && mode == Mode::kUnknownRank) return;
    throw;
  }
  Built& built = *owned;
  Tensors placeholders = built.x;
  Tensors seeds;
  std::vector<tf::TensorPtr> tensors = ArgTensors(test, values);
  for (size_t i = 0; i < built.y.size(); ++i) {
    const TF_DataType dtype = Scope::GetDType(built.y[i]);
    placeholders.push_back(built.scope.Placeholder(dtype, built.scope.GetShape(built.y[i]), "w"));
    // A gradient may be the seed itself, and TensorFlow refuses to fetch a fed tensor.
    seeds.push_back(built.scope.Op("Identity").In(placeholders.back()).Out());
    tensors.push_back(MakeTensor(dtype, values.y_shapes[i], values.weights[i]));
  }
  Tensors gradients;
  try {
    gradients = mode == Mode::kBody
                    ? GradientsInBody(&built, seeds)
                    : gradient::Gradient(&built.scope, &built.scope, built.y, built.Xs(), seeds, {});
  } catch (const tf::Error& error) {
    if (error.code() == TF_UNIMPLEMENTED && mode == Mode::kUnknownRank) return;
    ADD_FAILURE() << error.what() << " (node " << error.op() << ")";
    return;
  }
  const std::vector<Feed> feeds = Feeds(placeholders, tensors);
  const double tolerance = ToleranceOf(test);

  GraphRunner runner(built.scope);
  const auto results = runner.Run(feeds, gradients);
  for (size_t k = 0; k < results.size(); ++k) {
    const size_t i = built.differentiable[k];
    ExpectClose(expected[k], results[k], test.args[i].shape, tolerance, "arg " + std::to_string(i));
  }
  if (mode != Mode::kBatch) return;
  CheckBatchAxis(&built, &runner, feeds);
  if (built.differentiable.size() < 2) return;
  // Each arg alone: a rule receives the needed inputs, and must neither build nor read the gradients of other
  // inputs.
  for (size_t k = 0; k < results.size(); ++k) {
    const size_t i = built.differentiable[k];
    const Tensors alone = gradient::Gradient(&built.scope, &built.scope, built.y, {built.x[i]}, seeds, {});
    ExpectClose(expected[k], runner.Run(feeds, alone)[0], test.args[i].shape, tolerance,
                "arg " + std::to_string(i) + " alone");
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const GradientCase& test) { return out << test.name; }

std::vector<std::vector<int64_t>> OutputShapes(const GradientCase& test) {
  const Built built(test, Mode::kStatic);
  GraphRunner runner(built.scope, /*optimize=*/false);
  return DrawValues(test, built, &runner, kSeed).y_shapes;
}

void CheckGradient(const GradientCase& test) {
  try {
    const Built built(test, Mode::kStatic);
    GraphRunner runner(built.scope);
    Values values;
    try {
      values = DrawValues(test, built, &runner,
                          kSeed + static_cast<unsigned>(std::hash<std::string>()(test.name)));
    } catch (const tf::Error& error) {
      if (!test.needs_onednn) throw;
      GTEST_SKIP() << "no kernel here: " << error.what();
    }
    const auto expected = FiniteDifferences(test, built, &runner, values);
    for (const Mode mode : {Mode::kStatic, Mode::kBatch, Mode::kRank, Mode::kUnknownRank, Mode::kBody}) {
      CheckMode(test, mode, values, expected);
    }
  } catch (const tf::Error& error) {
    ADD_FAILURE() << tf::CodeName(error.code()) << ": " << error.what() << " (node " << error.op() << ")";
  }
}

bool CheckGradientAt(const GradientCase& test, unsigned seed, const std::vector<Mode>& modes) {
  try {
    const Built built(test, Mode::kStatic);
    // The function is computed without TensorFlow's optimiser. The gradient's run covers the optimiser.
    GraphRunner runner(built.scope, /*optimize=*/false);
    const Values values = DrawValues(test, built, &runner, seed);
    const auto expected = Extrapolated(test, built, &runner, values);
    if (!expected) return false;
    for (const Mode mode : modes) CheckMode(test, mode, values, *expected);
  } catch (const tf::Error& error) {
    ADD_FAILURE() << tf::CodeName(error.code()) << ": " << error.what() << " (node " << error.op() << ")";
  }
  return true;
}

std::vector<GradientCase> AllCases() {
  std::vector<GradientCase> all;
  for (auto& table : {ElementwiseCases(), ActivationCases(), ReductionCases(), LinearCases(),
                      ConvolutionCases(), PoolingCases(), NormalizationCases(), ShapeCases(), GatherCases(),
                      ResizeCases(), SecondOrderCases(), ComplexCases(), SpecialCases(), MatrixCases(),
                      SegmentCases(), SparseCases(), ImageCases(), ControlFlowCases()}) {
    all.insert(all.end(), table.begin(), table.end());
  }
  return all;
}

std::vector<std::string> OpTypes(const GradientCase& test) {
  const Built built(test, Mode::kStatic);
  std::vector<std::string> types;
  size_t position = 0;
  while (TF_Operation* op = C().TF_GraphNextOperation(built.scope.graph(), &position)) {
    types.emplace_back(C().TF_OperationOpType(op));
  }
  return types;
}

GradientCase OneOp(const std::string& type, std::vector<Arg> args, const More& more,
                   const std::string& suffix) {
  GradientCase test;
  test.name = type + suffix;
  test.args = std::move(args);
  test.build = [type, more](Scope& s, const Tensors& x) {
    graph::OpBuilder op = s.Op(type);
    for (const TF_Output& input : x) op.In(input);
    if (more) more(s, op);
    return op.Outs();
  };
  return test;
}

}  // namespace ke::test
