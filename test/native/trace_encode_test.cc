// Tests of the canonical encoding of recordings, and of their text.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "graph_fixture.h"
#include "trace/encode.h"
#include "trace/print.h"
#include "trace_fixture.h"

namespace ke::trace {

using graph::Shape;

namespace {

using test::Apply;
using test::Float;
using test::MakeTensor;

using Record = std::function<Symbol(const std::shared_ptr<Trace>& trace, Symbol x)>;

std::string EncodingOf(const Record& record, TF_DataType dtype = TF_FLOAT,
                       const Shape& shape = Shape::Of({-1})) {
  const auto trace = Trace::Create();
  const Symbol x = trace->Placeholder(dtype, shape, "x");
  return Encode(trace->Simplified({record(trace, x).id}));
}

Record Leaky(float alpha) {
  return
      [alpha](const auto& trace, Symbol x) { return trace->Op("LeakyRelu", {x.id}, {{"alpha", alpha}})[0]; };
}

Record Plus(double value) {
  return [value](const auto& trace, Symbol x) {
    return Apply(trace, "AddV2", {x.id, Float(trace, {}, {value}).id});
  };
}

Record Gradient(const Overrides& overrides, bool ones) {
  return [=](const auto& trace, Symbol x) {
    const Symbol y = Apply(trace, "Relu", {x.id});
    const std::vector<SymbolId> grad_ys = ones ? std::vector<SymbolId>{} : std::vector<SymbolId>{x.id};
    return trace->Gradient({y.id}, {x.id}, grad_ys, overrides)[0];
  };
}

Record Stack(int count, const std::string& op) {
  return [=](const auto& trace, Symbol x) {
    const Symbol turns = trace->Constant(MakeTensor(TF_INT32, {}, {static_cast<double>(count)}));
    const Trace::Stack open = trace->BeginStack(turns.id);
    return trace->EndStack(open.body, Apply(open.body, op, {x.id}).id);
  };
}

TEST(Encode, DiffersForDifferentRecordings) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Record same = [](const auto&, Symbol x) { return x; };
  std::vector<std::string> encodings = {
      EncodingOf(same),
      EncodingOf(same, TF_DOUBLE),
      EncodingOf(same, TF_FLOAT, Shape::Of({2})),
      EncodingOf(same, TF_FLOAT, Shape::Unknown()),
      EncodingOf(same, TF_FLOAT, Shape::Of({})),
      EncodingOf(Gradient({}, true)),
      EncodingOf(Gradient({}, false)),
      EncodingOf(Gradient({{"Relu", "guided"}}, true)),
      EncodingOf(Stack(2, "Exp")),
      EncodingOf(Stack(3, "Exp")),
      EncodingOf(Stack(2, "Log")),
  };
  for (const float value : {nan, INFINITY, -INFINITY, 0.0F, -0.0F, 1.0F}) {
    encodings.push_back(EncodingOf(Leaky(value)));
    encodings.push_back(EncodingOf(Plus(value)));
  }
  EXPECT_EQ(std::set<std::string>(encodings.begin(), encodings.end()).size(), encodings.size());
}

TEST(Encode, IsEqualForEqualRecordings) {
  for (const Record& record : {Leaky(std::numeric_limits<float>::quiet_NaN()), Plus(-0.0),
                               Gradient({{"Relu", "guided"}}, false), Stack(2, "Exp")}) {
    EXPECT_EQ(EncodingOf(record), EncodingOf(record));
  }
}

TEST(Encode, OmitsUnusedAndRepeatedEquations) {
  const Record wasteful = [](const auto& trace, Symbol x) {
    Apply(trace, "Exp", {x.id});
    Apply(trace, "Neg", {Float(trace, {2}, {1, 2}).id});
    Leaky(0.5F)(trace, x);
    return Leaky(0.5F)(trace, x);
  };
  EXPECT_EQ(EncodingOf(wasteful), EncodingOf(Leaky(0.5F)));
}

TEST(Encode, DependsOnTheOrderOfResults) {
  const auto trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1}), "x");
  const Symbol y = Apply(trace, "Exp", {x.id});
  EXPECT_NE(Encode(trace->Simplified({x.id, y.id})), Encode(trace->Simplified({y.id, x.id})));
  EXPECT_NE(Encode(trace->Simplified({x.id})), Encode(trace->Simplified({x.id, x.id})));
  EXPECT_THROW(trace->Simplified({x.id, 999}), tf::Error);
}

TEST(Encode, DependsOnTheModelAndItsTensors) {
  const auto model = graph::LoadFixture("keras3-shared");
  const auto again = graph::LoadFixture("keras3-shared");
  const auto encoding = [](const std::shared_ptr<const graph::ModelGraph>& called, size_t output) {
    return EncodingOf(
        [&](const auto& trace, Symbol x) {
          return trace->CallModel(called, {x.id, x.id}, {called->output_tensors()[output]})[0];
        },
        TF_FLOAT, Shape::Of({-1, 6, 6, 2}));
  };
  EXPECT_EQ(encoding(model, 0), encoding(model, 0));
  EXPECT_NE(encoding(model, 0), encoding(model, 1));
  EXPECT_NE(encoding(model, 0), encoding(again, 0));
}

TEST(Print, WritesOneEquationPerLine) {
  const auto trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 2}), "x");
  const Symbol w = Float(trace, {2, 1}, {1, -0.5});
  const Symbol p = trace->Op("MatMul", {x.id, w.id}, {{"transpose_b", false}})[0];
  Apply(trace, "Exp", {p.id});
  const Trace::Jacobian open =
      trace->BeginJacobian(Apply(trace, "Relu", {p.id}).id, {x.id}, {{"Relu", "guided"}});
  const Symbol axis = open.body->Constant(MakeTensor(TF_INT32, {1}, {1}));
  const Symbol sum = open.body->Op("Sum", {open.gradients[0].id, axis.id}, {{"keep_dims", true}})[0];
  const Symbol kept = trace->EndJacobian(open.body, sum.id);
  EXPECT_EQ(Print(trace->Simplified({kept.id, p.id})),
            R"(%0:float32[?,2] = parameter "x"
%1:float32[2,1] = constant [1, -0.5]
%2:float32[?,1] = MatMul(%0, %1) {transpose_b=false}
%3:float32[?,1] = Relu(%2)
%7:float32[?,1,1] = jacobian(ys=%3, xs=[%0]) {Relu=guided}
{
  %4:float32[?,2] = parameter "gradient"
  %5:int32[1] = constant [1]
  %6:float32[?,1] = Sum(%4, %5) {keep_dims=true}
  return %6
}
return %7, %2
)");
  EXPECT_NE(Print(trace->recorded()).find("Exp(%2)"), std::string::npos);
}

}  // namespace
}  // namespace ke::trace
