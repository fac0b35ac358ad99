// Tests of the replayed recording: no value is computed twice or without need, and gradients keep their
// meaning.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "graph_fixture.h"
#include "trace/simplify.h"
#include "trace_fixture.h"

namespace ke::trace {

using graph::Shape;

namespace {

using test::Apply;
using test::CountOps;
using test::Evaluate;
using test::EvaluateAll;
using test::Float;
using test::MakeTensor;

using Values = std::vector<double>;

Symbol Vector(const std::shared_ptr<Trace>& trace) {
  return trace->Placeholder(TF_FLOAT, Shape::Of({-1}), "x");
}

Symbol Count(const std::shared_ptr<Trace>& trace, int count) {
  return trace->Constant(MakeTensor(TF_INT32, {}, {static_cast<double>(count)}));
}

TEST(Simplify, MergesEqualOpsAndTheirEqualConsumers) {
  const auto trace = Trace::Create();
  const Symbol x = Vector(trace);
  std::vector<SymbolId> fetches;
  for (int i = 0; i < 3; ++i) {
    const Symbol scaled = Apply(trace, "Mul", {Apply(trace, "Square", {x.id}).id, Float(trace, {}, {2}).id});
    fetches.push_back(trace->Op("LeakyRelu", {scaled.id}, {{"alpha", i < 2 ? 0.5F : 0.25F}})[0].id);
  }
  const std::map<std::string, int> counts = CountOps(*trace, fetches);
  EXPECT_EQ(counts.at("Square"), 1);
  EXPECT_EQ(counts.at("Mul"), 1);
  EXPECT_EQ(counts.at("Const"), 1);
  EXPECT_EQ(counts.at("LeakyRelu"), 2);
  const tf::TensorPtr input = MakeTensor(TF_FLOAT, {2}, {1, 3});
  for (const test::Result& result : EvaluateAll(*trace, fetches, {input.get()})) {
    EXPECT_EQ(result.values, (Values{2, 18}));
  }
}

TEST(Simplify, ComparesConstantsByTheirBits) {
  const auto trace = Trace::Create();
  const Symbol x = Vector(trace);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<SymbolId> fetches;
  for (const double value : {0.0, -0.0, nan, nan, double{INFINITY}, -double{INFINITY}}) {
    fetches.push_back(Apply(trace, "AddV2", {x.id, Float(trace, {}, {value}).id}).id);
  }
  fetches.push_back(Apply(trace, "Reshape", {x.id, trace->Constant(MakeTensor(TF_INT32, {1}, {-1})).id}).id);
  fetches.push_back(Apply(trace, "Reshape", {x.id, trace->Constant(MakeTensor(TF_INT64, {1}, {-1})).id}).id);
  const std::map<std::string, int> counts = CountOps(*trace, fetches);
  EXPECT_EQ(counts.at("AddV2"), 5);  // one op for both NaNs
  EXPECT_EQ(counts.at("Reshape"), 2);
}

TEST(Simplify, DoesNotMergeRandomOps) {
  const auto trace = Trace::Create();
  const Symbol shape = trace->Constant(MakeTensor(TF_INT32, {1}, {4}));
  std::vector<SymbolId> fetches;
  for (int i = 0; i < 2; ++i) {
    fetches.push_back(trace->Op("RandomUniform", {shape.id}, {{"dtype", TF_FLOAT}})[0].id);
  }
  // Stacks of random numbers: a loop is random if its body is.
  for (int i = 0; i < 2; ++i) {
    const Trace::Stack open = trace->BeginStack(Count(trace, 2).id);
    const Symbol drawn = open.body->Op("RandomUniform", {shape.id}, {{"dtype", TF_FLOAT}})[0];
    fetches.push_back(trace->EndStack(open.body, drawn.id).id);
  }
  const std::map<std::string, int> counts = CountOps(*trace, fetches);
  EXPECT_EQ(counts.at("RandomUniform"), 4);
  EXPECT_EQ(counts.at("While"), 2);
  const std::vector<test::Result> results = EvaluateAll(*trace, fetches, {});
  EXPECT_NE(results[0].values, results[1].values);
}

TEST(Simplify, OmitsEquationsThatNoResultNeeds) {
  const auto trace = Trace::Create();
  const Symbol x = Vector(trace);
  const Symbol y = Apply(trace, "Square", {x.id});
  const Symbol unused = Apply(trace, "Exp", {x.id});
  const std::vector<Symbol> gradients = trace->Gradient({y.id}, {x.id, unused.id}, {}, {});
  const Trace::Stack open = trace->BeginStack(Count(trace, 2).id);
  trace->EndStack(open.body, Apply(open.body, "Log", {x.id}).id);
  trace->Placeholder(TF_FLOAT, Shape::Of({}), "unused, and yet to be fed");
  const std::map<std::string, int> counts = CountOps(*trace, {gradients[0].id});
  EXPECT_EQ(counts.count("Exp") + counts.count("Log") + counts.count("While"), 0U);
  EXPECT_EQ(counts.at("Placeholder"), 2);
}

TEST(Simplify, MergesEquationsOfABodyWithTheOuterBlock) {
  const auto trace = Trace::Create();
  const Symbol x = Vector(trace);
  const Symbol before = Apply(trace, "Square", {x.id});
  const Trace::Stack open = trace->BeginStack(Count(trace, 3).id);
  const Symbol turn = open.body->Op("Cast", {open.index.id}, {{"DstT", TF_FLOAT}})[0];
  const Symbol again = Apply(open.body, "Square", {x.id});
  // An equation of the outer block is not merged into a body: values of a body exist only in its turns.
  const Symbol inside = Apply(open.body, "Sqrt", {x.id});
  const Symbol value =
      Apply(open.body, "AddV2", {Apply(open.body, "Mul", {again.id, turn.id}).id, inside.id});
  const Symbol rows = trace->EndStack(open.body, value.id);
  const Symbol after = Apply(trace, "Sqrt", {x.id});
  const std::vector<SymbolId> fetches = {before.id, rows.id, after.id};
  const std::map<std::string, int> counts = CountOps(*trace, fetches);
  EXPECT_EQ(counts.at("Square"), 1);
  EXPECT_EQ(counts.at("Sqrt"), 2);
  const tf::TensorPtr input = MakeTensor(TF_FLOAT, {2}, {1, 4});
  const std::vector<test::Result> results = EvaluateAll(*trace, fetches, {input.get()});
  EXPECT_EQ(results[0].values, (Values{1, 16}));
  EXPECT_EQ(results[1].values, (Values{1, 2, 2, 18, 3, 34}));
  EXPECT_EQ(results[2].values, (Values{1, 2}));
}

TEST(Simplify, MergesLoopsWithEqualBodies) {
  const auto trace = Trace::Create();
  const Symbol x = Vector(trace);
  std::vector<SymbolId> fetches;
  for (const char* op : {"Exp", "Exp", "Neg"}) {
    const Trace::Stack open = trace->BeginStack(Count(trace, 2).id);
    fetches.push_back(trace->EndStack(open.body, Apply(open.body, op, {x.id}).id).id);
  }
  EXPECT_EQ(CountOps(*trace, fetches).at("While"), 2);
  const tf::TensorPtr input = MakeTensor(TF_FLOAT, {1}, {0});
  const std::vector<test::Result> results = EvaluateAll(*trace, fetches, {input.get()});
  EXPECT_EQ(results[1].values, (Values{1, 1}));
  EXPECT_EQ(results[2].values, (Values{0, 0}));
}

// TensorFlow infers less of a body's shapes if the sizes are computed outside the body.
TEST(Simplify, KeepsShapesInferredInABody) {
  const auto trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({2, 1}), "x");
  const Symbol flat = Apply(trace, "Reshape", {x.id, trace->Constant(MakeTensor(TF_INT32, {1}, {-1})).id});
  const Symbol sizes = Apply(trace, "Shape", {x.id});
  const Trace::Stack open = trace->BeginStack(Count(trace, 2).id);
  const Symbol squares = Apply(open.body, "Square", {flat.id});
  const Symbol y = Apply(open.body, "Reshape", {squares.id, Apply(open.body, "Shape", {x.id}).id});
  ASSERT_EQ(y.shape, Shape::Of({2, 1}));
  const Trace::Jacobian jacobian = open.body->BeginJacobian(y.id, {x.id}, {});
  const Symbol kept = open.body->EndJacobian(jacobian.body, jacobian.gradients[0].id);
  const Symbol rows = trace->EndStack(open.body, kept.id);
  const std::map<std::string, int> counts = CountOps(*trace, {sizes.id, rows.id});
  EXPECT_EQ(counts.at("While"), 1) << "of one unit no loop is made";
  const tf::TensorPtr input = MakeTensor(TF_FLOAT, {2, 1}, {3, 5});
  EXPECT_EQ(Evaluate(*trace, rows.id, {input.get()}).values, (Values{6, 10, 6, 10}));
}

TEST(Simplify, KeepsGradientsOfATensorWithAnEqualTensor) {
  // a and b are equal, and y = a b. The gradient of y with respect to a is b, not 2 a. z = b does not depend
  // on a.
  const auto trace = Trace::Create();
  const Symbol x = Vector(trace);
  const Symbol a = Apply(trace, "Square", {x.id});
  const Symbol b = Apply(trace, "Square", {x.id});
  const Symbol y = Apply(trace, "Mul", {a.id, b.id});
  const Symbol z = Apply(trace, "Neg", {b.id});
  const std::vector<SymbolId> fetches = {
      trace->Gradient({y.id}, {a.id}, {}, {})[0].id,
      trace->Gradient({z.id}, {a.id}, {}, {})[0].id,
      trace->Gradient({y.id}, {x.id}, {}, {})[0].id,
  };
  const tf::TensorPtr input = MakeTensor(TF_FLOAT, {1}, {3});
  const std::vector<test::Result> results = EvaluateAll(*trace, fetches, {input.get()});
  EXPECT_EQ(results[0].values, (Values{9}));
  EXPECT_EQ(results[1].values, (Values{0}));
  EXPECT_EQ(results[2].values, (Values{108}));  // the gradient of x^4
}

TEST(Simplify, KeepsGradientsIfTheEqualTensorIsInABody) {
  const auto trace = Trace::Create();
  const Symbol x = Vector(trace);
  const Symbol a = Apply(trace, "Square", {x.id});
  const Trace::Stack open = trace->BeginStack(Count(trace, 2).id);
  const Symbol b = Apply(open.body, "Square", {x.id});
  const Symbol y = Apply(open.body, "Mul", {a.id, b.id});
  const Symbol rows = trace->EndStack(open.body, open.body->Gradient({y.id}, {a.id}, {}, {})[0].id);
  const tf::TensorPtr input = MakeTensor(TF_FLOAT, {1}, {3});
  EXPECT_EQ(Evaluate(*trace, rows.id, {input.get()}).values, (Values{9, 9}));
}

// Has Keras' "encoder", which one instance of the model calls twice.
struct Siamese {
  std::shared_ptr<const graph::ModelGraph> model = graph::LoadFixture("keras3-shared");
  std::string relu = graph::FindRecord(*model, "encoder|relu").calls[0].outputs[0];
  std::string output = model->output_tensors()[1];
  std::shared_ptr<Trace> trace = Trace::Create();
  Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 6, 6, 2}), "x");
  tf::TensorPtr image = MakeTensor(TF_FLOAT, {1, 6, 6, 2}, Values(72, 0.5));

  std::vector<Symbol> Call(const std::shared_ptr<Trace>& in, const std::vector<std::string>& outputs) const {
    return in->CallModel(model, {x.id, x.id}, outputs);
  }
  int Convolutions(const std::vector<SymbolId>& fetches) const {
    return CountOps(*trace, fetches).at("Conv2D");
  }
};

TEST(Simplify, MakesOneInstanceOfAModelForAllItsOutputs) {
  Siamese siamese;
  const Symbol relu = siamese.Call(siamese.trace, {siamese.relu})[0];
  const int once = siamese.Convolutions({siamese.Call(siamese.trace, {siamese.output})[0].id});
  const std::vector<Symbol> both = siamese.Call(siamese.trace, {siamese.output, siamese.relu});
  const Trace::Stack open = siamese.trace->BeginStack(Count(siamese.trace, 2).id);
  const Symbol inner = siamese.Call(open.body, {siamese.output})[0];
  const Symbol rows = siamese.trace->EndStack(open.body, inner.id);
  const std::vector<SymbolId> fetches = {relu.id, both[0].id, both[1].id, rows.id};
  EXPECT_EQ(siamese.Convolutions(fetches), once);
  const std::vector<test::Result> results = EvaluateAll(*siamese.trace, fetches, {siamese.image.get()});
  EXPECT_EQ(results[0].values, results[2].values);
  Values twice = results[1].values;
  twice.insert(twice.end(), results[1].values.begin(), results[1].values.end());
  EXPECT_EQ(results[3].values, twice);
}

TEST(Simplify, SharesAnInstanceBetweenGradientsOfTensorsAndOfInputs) {
  Siamese siamese;
  const int once = siamese.Convolutions({siamese.Call(siamese.trace, {siamese.output})[0].id});
  const std::vector<Symbol> first = siamese.Call(siamese.trace, {siamese.output, siamese.relu});
  const std::vector<Symbol> second = siamese.Call(siamese.trace, {siamese.output});
  const Symbol by_tensor = siamese.trace->Gradient({first[0].id}, {first[1].id}, {}, {})[0];
  const Symbol by_input = siamese.trace->Gradient({second[0].id}, {siamese.x.id}, {}, {})[0];
  EXPECT_EQ(siamese.Convolutions({by_tensor.id, by_input.id}), once);
}

TEST(Simplify, DoesNotMergeInstancesIfAGradientTellsThemApart) {
  Siamese siamese;
  const std::vector<Symbol> first = siamese.Call(siamese.trace, {siamese.output, siamese.relu});
  const std::vector<Symbol> second = siamese.Call(siamese.trace, {siamese.output, siamese.relu});
  const Symbol across = siamese.trace->Gradient({second[0].id}, {first[1].id}, {}, {})[0];
  const Symbol within = siamese.trace->Gradient({first[0].id}, {first[1].id}, {}, {})[0];
  const std::vector<test::Result> results =
      EvaluateAll(*siamese.trace, {across.id, within.id}, {siamese.image.get()});
  EXPECT_EQ(results[0].values, Values(results[0].values.size(), 0));
  EXPECT_NE(results[1].values, Values(results[1].values.size(), 0));
}

}  // namespace
}  // namespace ke::trace
