// Tests of numerics checks: which op is reported for a NaN or an Inf, and which values pass.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "gradient/tape.h"
#include "ir/instance_name.h"
#include "numerics/numerics_op.h"
#include "runtime/compiled_function.h"
#include "runtime/strategy.h"
#include "trace/loop.h"

namespace ke::graph {
namespace {

using runtime::CompiledFunction;
using runtime::Strategy;
using runtime::Tensor;
using runtime::TensorRef;
using tf::C;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

using Body = std::function<TF_Output(Scope*, TF_Output)>;

// Returns the error of a checked run of body(x), with x of shape (N), or none if the run succeeds.
std::optional<NumericsError> Failure(const std::vector<float>& x, const Body& body,
                                     int64_t shard_size = 100) {
  auto scope = std::make_unique<Scope>();
  scope->CheckNumerics();
  const TF_Output feed = scope->Placeholder(TF_FLOAT, Shape::Of({-1}), "x");
  const TF_Output fetch = body(scope.get(), feed);
  const auto function = CompiledFunction::Build(std::move(scope), {feed}, {fetch},
                                                {.intra_op = 1, .callers = 2, .check_numerics = true});
  const TensorRef value = Tensor::Allocate(TF_FLOAT, {static_cast<int64_t>(x.size())});
  std::copy(x.begin(), x.end(), static_cast<float*>(value->data()));
  Strategy strategy(2);
  std::promise<std::exception_ptr> promise;
  function->Run(&strategy, {value}, {.shard_size = shard_size},
                [&](const std::vector<TensorRef>&, std::exception_ptr error) { promise.set_value(error); });
  const std::exception_ptr error = promise.get_future().get();
  if (error == nullptr) return std::nullopt;
  try {
    std::rethrow_exception(error);
  } catch (const NumericsError& numerics) {
    return numerics;
  }
}

std::string Blamed(const std::vector<float>& x, const Body& body) {
  const auto error = Failure(x, body);
  if (!error.has_value()) return "nothing";
  const Origin& origin = error->origin();
  return std::string(origin.backward ? "gradient of " : "") + origin.type + " " + origin.op + " " +
         error->value();
}

TF_Output Named(Scope* scope, const std::string& type, TF_Output x) {
  return scope->Op(type, "model/" + type).In(x).Out();
}

TF_Output Constant(Scope* scope, const std::vector<float>& values) {
  return scope->Const(tf::MakeTensor(TF_FLOAT, {static_cast<int64_t>(values.size())}, values.data()).get());
}

TEST(ParseName, ReturnsTheOriginOfANode) {
  const InstanceName own = ParseName("model_12/dense/MatMul");
  EXPECT_TRUE(own.of_model);
  EXPECT_EQ(own.op, "dense/MatMul");
  EXPECT_FALSE(own.gradient);
  const InstanceName gradient = ParseName("gradient/gradient/model/dense/MatMul/Mul");
  EXPECT_TRUE(gradient.gradient);
  EXPECT_EQ(gradient.graph_name, "model/dense/MatMul/Mul");
  const InstanceName weight = ParseName("copy/weights/dense/kernel/read");
  EXPECT_TRUE(weight.weight && weight.of_model);
  EXPECT_EQ(weight.op, "dense/kernel");
  for (const char* name : {"Log", "model", "models/Log", "model_/Log", "model_x/Log", "modeling/Log"}) {
    EXPECT_FALSE(ParseName(name).of_model) << name;
    EXPECT_EQ(ParseName(name).op, name);
  }
}

TEST(WorstOf, ReadsEveryFloatingDtype) {
  const auto worst = [](TF_DataType dtype, auto... values) {
    const std::vector<std::common_type_t<decltype(values)...>> all = {values...};
    return WorstOf(tf::MakeTensor(dtype, {static_cast<int64_t>(all.size())}, all.data()).get());
  };
  EXPECT_EQ(worst(TF_FLOAT, 1.0F, -std::numeric_limits<float>::max()), Worst::kFinite);
  EXPECT_EQ(worst(TF_FLOAT, 1.0F, -kInf), Worst::kInf);
  EXPECT_EQ(worst(TF_FLOAT, kInf, -kNan, 1.0F), Worst::kNan);
  EXPECT_EQ(worst(TF_DOUBLE, 1.0, std::numeric_limits<double>::max()), Worst::kFinite);
  EXPECT_EQ(worst(TF_DOUBLE, -std::numeric_limits<double>::infinity()), Worst::kInf);
  EXPECT_EQ(worst(TF_DOUBLE, std::nan("")), Worst::kNan);
  EXPECT_EQ(worst(TF_HALF, uint16_t{0x7bff}, uint16_t{0xfbff}), Worst::kFinite);
  EXPECT_EQ(worst(TF_HALF, uint16_t{0xfc00}), Worst::kInf);
  EXPECT_EQ(worst(TF_HALF, uint16_t{0x7c01}), Worst::kNan);
  EXPECT_EQ(worst(TF_BFLOAT16, uint16_t{0xff7f}), Worst::kFinite);
  EXPECT_EQ(worst(TF_BFLOAT16, uint16_t{0x7f80}), Worst::kInf);
  EXPECT_EQ(worst(TF_BFLOAT16, uint16_t{0x7fff}), Worst::kNan);
  EXPECT_EQ(worst(TF_INT32, 0x7f800000), Worst::kFinite);
  EXPECT_EQ(WorstOf(tf::AllocateTensor(TF_FLOAT, {0}).get()), Worst::kFinite);
}

TEST(NumericsChecks, ReportTheFirstOpOfAPath) {
  const Body body = [](Scope* scope, TF_Output x) {
    return Named(scope, "Exp", Named(scope, "Neg", Named(scope, "Log", x)));
  };
  EXPECT_EQ(Blamed({1, 2}, body), "nothing");
  EXPECT_EQ(Blamed({1, -2}, body), "Log Log NaN");
  EXPECT_EQ(Blamed({1, 0}, body), "Log Log Inf");
  EXPECT_EQ(Blamed({1, 0, -1}, body), "Log Log NaN");
  EXPECT_TRUE(Failure({-1}, body)->origin().of_model);
  EXPECT_EQ(Failure({-1}, body)->op(), "Log");
  EXPECT_EQ(Failure({-1}, body)->code(), TF_INVALID_ARGUMENT);
}

TEST(NumericsChecks, ReportAFeedWithBadValues) {
  const Body body = [](Scope* scope, TF_Output x) { return Named(scope, "Abs", x); };
  EXPECT_EQ(Blamed({kNan}, body), "Input x NaN");
  EXPECT_EQ(Blamed({-kInf}, body), "Input x Inf");
}

TEST(NumericsChecks, ReportTheFirstShardThatFails) {
  const Body body = [](Scope* scope, TF_Output x) { return Named(scope, "Log", x); };
  for (int time = 0; time < 20; ++time) {
    const auto error = Failure({1, 1, 1, 1, 1, 0, 1, -1}, body, 2);
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->value(), "Inf");  // from the third shard, not the NaN of the last
  }
}

TEST(NumericsChecks, ReportTheOpOfAGradient) {
  const Body body = [](Scope* scope, TF_Output x) {
    const TF_Output y = Named(scope, "Sqrt", x);
    return gradient::Gradient(scope, scope, {y}, {x}, {}, {})[0];
  };
  EXPECT_EQ(Blamed({1, 4}, body), "nothing");
  EXPECT_EQ(Blamed({1, 0}, body), "gradient of Sqrt Sqrt Inf");
  EXPECT_EQ(Blamed({1, -1}, body), "Sqrt Sqrt NaN");
}

TEST(NumericsChecks, CheckBodiesOfLoops) {
  const Body body = [](Scope* scope, TF_Output x) {
    const TF_Output y = Named(scope, "Sqrt", x);
    const TF_Output stacked = trace::AddStackingLoop(scope, scope->Const(3), [&](Scope* in, TF_Output i) {
      const TF_Output turn = in->Op("Cast").In(i).AttrType("DstT", TF_FLOAT).Out();
      const TF_Output less = in->Op("Sub", "model/Sub").In(y).In(turn).Out();
      return Named(in, "Log", less);
    });
    return scope->Op("Sum").In(stacked).In(scope->Const(0)).Out();
  };
  EXPECT_EQ(Blamed({9, 16}, body), "nothing");
  EXPECT_EQ(Blamed({4, 16}, body), "Log Log Inf");
  EXPECT_EQ(Blamed({1, 16}, body), "Log Log Inf");  // in the second turn, before the third gives NaN
  EXPECT_EQ(Blamed({-1}, body), "Sqrt Sqrt NaN");
  // The gradient of an op outside the loop, computed in the body.
  const Body backward = [](Scope* scope, TF_Output x) {
    const TF_Output y = Named(scope, "Sqrt", x);
    const TF_Output stacked = trace::AddStackingLoop(scope, scope->Const(2), [&](Scope* in, TF_Output) {
      return gradient::Gradient(scope, in, {y}, {x}, {}, {})[0];
    });
    return scope->Op("Sum").In(stacked).In(scope->Const(0)).Out();
  };
  EXPECT_EQ(Blamed({4}, backward), "nothing");
  EXPECT_EQ(Blamed({4, 0}, backward), "gradient of Sqrt Sqrt Inf");
}

TEST(NumericsChecks, PassValuesThatASelectRemoves) {
  const Body picked = [](Scope* scope, TF_Output x) {
    const TF_Output positive = scope->Op("Greater").In(x).In(scope->Scalar(TF_FLOAT, 0)).Out();
    const TF_Output shaped = scope->Op("Identity").In(Named(scope, "Log", x)).Out();
    return scope->Op("SelectV2", "model/Select").In(positive).In(shaped).In(x).Out();
  };
  EXPECT_EQ(Blamed({1, -1, 0}, picked), "nothing");
  // The bad value is selected. The selection did not cause the error.
  const Body wrong = [](Scope* scope, TF_Output x) {
    const TF_Output below = scope->Op("Less").In(x).In(scope->Scalar(TF_FLOAT, 1)).Out();
    return scope->Op("SelectV2", "model/Select").In(below).In(Named(scope, "Log", x)).In(x).Out();
  };
  EXPECT_EQ(Blamed({0.5F, 2}, wrong), "nothing");
  EXPECT_EQ(Blamed({-1, 2}, wrong), "Log Log NaN");
  // The bad value also has another use, which the selection does not remove.
  const Body both = [](Scope* scope, TF_Output x) {
    const TF_Output log = Named(scope, "Log", x);
    const TF_Output positive = scope->Op("Greater").In(x).In(scope->Scalar(TF_FLOAT, 0)).Out();
    const TF_Output chosen = scope->Op("SelectV2").In(positive).In(log).In(x).Out();
    return scope->Op("AddV2").In(chosen).In(scope->Op("Exp").In(log).Out()).Out();
  };
  EXPECT_EQ(Blamed({0}, both), "Log Log Inf");
}

// Values that a selection omits may pass through every op that moves values, and ops may read their shapes.
TEST(NumericsChecks, LetPassWhatIsMovedOrAskedForItsShape) {
  const auto selected = [](Scope* scope, TF_Output x, TF_Output log) {
    const TF_Output positive = scope->Op("Greater").In(x).In(scope->Scalar(TF_FLOAT, 0)).Out();
    return scope->Op("SelectV2", "model/Select").In(positive).In(log).In(x).Out();
  };
  for (const char* type : {"EnsureShape", "PlaceholderWithDefault"}) {
    const Body moved = [&](Scope* scope, TF_Output x) {
      const TF_Output log = Named(scope, "Log", x);
      return selected(scope, x, scope->Op(type).In(log).AttrShape("shape", Shape::Of({-1})).Out());
    };
    EXPECT_EQ(Blamed({1, -1, 0}, moved), "nothing") << type;
  }
  for (const char* type : {"ZerosLike", "OnesLike"}) {
    const Body asked = [&](Scope* scope, TF_Output x) {
      const TF_Output log = Named(scope, "Log", x);
      return scope->Op("AddV2").In(selected(scope, x, log)).In(scope->Op(type).In(log).Out()).Out();
    };
    EXPECT_EQ(Blamed({1, -1, 0}, asked), "nothing") << type;
  }
  // CheckNumerics refuses values, so its input is checked.
  const Body refused = [&](Scope* scope, TF_Output x) {
    const TF_Output log = Named(scope, "Log", x);
    return selected(scope, x, scope->Op("CheckNumerics").In(log).AttrString("message", "m").Out());
  };
  EXPECT_EQ(Blamed({1, -1, 0}, refused), "Log Log NaN");
}

TEST(NumericsChecks, PassTheInfOfAConstantButNotInAResultAndNoNan) {
  const auto with = [](float constant, const std::string& type) -> Body {
    return [=](Scope* scope, TF_Output x) {
      const TF_Output sum = scope->Op("AddV2", "model/Add").In(x).In(Constant(scope, {constant})).Out();
      return Named(scope, type, sum);
    };
  };
  EXPECT_EQ(Blamed({1}, with(-kInf, "Exp")), "nothing");
  EXPECT_EQ(Blamed({1}, with(-kInf, "Sign")), "nothing");
  EXPECT_EQ(Blamed({1}, with(-kInf, "Sin")), "Sin Sin NaN");
  EXPECT_EQ(Blamed({1}, with(kInf, "Exp")), "Exp Exp Inf");  // the result itself
  EXPECT_EQ(Blamed({1}, with(kInf, "Neg")), "Neg Neg Inf");
  EXPECT_EQ(Blamed({1}, with(kNan, "Neg")), "Const const NaN");
}

TEST(NumericsChecks, ReportWeights) {
  const auto with = [](int64_t elements, float bad) -> Body {
    return [=](Scope* scope, TF_Output x) {
      std::vector<float> values(elements, 1);
      values.back() = bad;
      const std::shared_ptr<TF_Tensor> value = tf::MakeTensor(TF_FLOAT, {elements}, values.data());
      const TF_Output weight = scope->SharedWeight(scope, value, true, "weights/dense/kernel");
      const TF_Output sum = scope->Op("Sum").In(weight).In(scope->Const(0)).Out();
      return scope->Op("Mul", "model/Mul").In(x).In(sum).Out();
    };
  };
  for (const int64_t elements : {10, 100'000}) {  // a constant, a variable
    EXPECT_EQ(Blamed({1}, with(elements, 2)), "nothing") << elements;
    EXPECT_EQ(Blamed({1}, with(elements, kNan)), "Weight dense/kernel NaN") << elements;
    EXPECT_EQ(Blamed({1}, with(elements, kInf)), "Weight dense/kernel Inf") << elements;
  }
}

TEST(FindNumericsError, ParsesOnlyMessagesOfTheChecks) {
  EXPECT_FALSE(FindNumericsError("").has_value());
  EXPECT_FALSE(FindNumericsError("model/Log : Tensor had NaN values").has_value());
  EXPECT_FALSE(FindNumericsError("keras-explainable numerics|NaN|forward").has_value());
}

}  // namespace
}  // namespace ke::graph
