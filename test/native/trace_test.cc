// Tests of recording and replay: loops, captures and Jacobians. The expected numbers were computed by hand.
#include "trace/trace.h"

#include <gtest/gtest.h>

#include <cmath>

#include "trace_fixture.h"

namespace ke::trace {

using graph::Scope;
using graph::Shape;
namespace {

using test::Apply;
using test::Evaluate;
using test::Float;
using test::MakeTensor;
using test::Result;
using test::Squares;

TEST(Trace, InfersShapesAndDtypesDuringRecording) {
  Squares squares;
  EXPECT_EQ(squares.y.shape, Shape::Of({-1, 3}));
  EXPECT_EQ(squares.y.dtype, TF_FLOAT);
  // x W = (5, 7, 9) and (-3, -3, -3).
  EXPECT_EQ(Evaluate(*squares.trace, squares.y.id, {squares.input.get()}).values,
            (std::vector<double>{25, 49, 81, 9, 9, 9}));
}

TEST(Trace, RefusesAnInvalidOpDuringRecording) {
  Squares squares;
  try {
    Apply(squares.trace, "MatMul", {squares.w.id, squares.w.id});
    FAIL() << "a (2, 3) x (2, 3) product was accepted";
  } catch (const tf::Error& error) {
    EXPECT_EQ(error.code(), TF_INVALID_ARGUMENT);
    EXPECT_NE(error.op().find("MatMul"), std::string::npos);
  }
  EXPECT_THROW(Apply(squares.trace, "Square", {SymbolId{999}}), tf::Error);
}

TEST(Jacobian, RunsOneBackwardPassPerUnit) {
  Squares squares;
  const Trace::Jacobian open = squares.trace->BeginJacobian(squares.y.id, {squares.x.id}, {});
  EXPECT_EQ(open.gradients[0].shape, squares.x.shape);
  const Symbol jacobian = squares.trace->EndJacobian(open.body, open.gradients[0].id);
  EXPECT_EQ(jacobian.shape, Shape::Of({-1, 3, 2}));
  const Result result = Evaluate(*squares.trace, jacobian.id, {squares.input.get()});
  EXPECT_EQ(result.dims, (std::vector<int64_t>{2, 3, 2}));
  EXPECT_EQ(result.values, (std::vector<double>{10, 40, 28, 70, 54, 108, -6, -24, -12, -30, -18, -36}));
}

TEST(Jacobian, KeepsOnlyTheValueOfEachUnit) {
  Squares squares;
  const Trace::Jacobian open = squares.trace->BeginJacobian(squares.y.id, {squares.x.id}, {});
  // sum_k x[k] dy[u]/dx[k] = 2 y[u] uses a tensor of the enclosing trace.
  const Symbol product = Apply(open.body, "Mul", {open.gradients[0].id, squares.x.id});
  const Symbol axis = open.body->Constant(MakeTensor(TF_INT32, {1}, {1}));
  const Symbol sum = Apply(open.body, "Sum", {product.id, axis.id});
  const Symbol kept = squares.trace->EndJacobian(open.body, sum.id);
  EXPECT_EQ(kept.shape, Shape::Of({-1, 3}));
  EXPECT_EQ(Evaluate(*squares.trace, kept.id, {squares.input.get()}).values,
            (std::vector<double>{50, 98, 162, 18, 18, 18}));
}

TEST(Jacobian, HasNoLoopForOneUnit) {
  Squares squares;
  const Symbol column = squares.trace->Constant(MakeTensor(TF_INT32, {1}, {1}));
  const Symbol axis = squares.trace->Constant(MakeTensor(TF_INT32, {}, {1}));
  const Symbol one = Apply(squares.trace, "GatherV2", {squares.y.id, column.id, axis.id});
  ASSERT_EQ(one.shape, Shape::Of({-1, 1}));
  const Trace::Jacobian open = squares.trace->BeginJacobian(one.id, {squares.x.id}, {});
  const Symbol jacobian = squares.trace->EndJacobian(open.body, open.gradients[0].id);
  const Result result = Evaluate(*squares.trace, jacobian.id, {squares.input.get()});
  EXPECT_EQ(result.dims, (std::vector<int64_t>{2, 1, 2}));
  EXPECT_EQ(result.values, (std::vector<double>{28, 70, -12, -30}));

  Scope scope;
  std::vector<TF_Output> feeds;
  squares.trace->Replay(&scope, {jacobian.id}, &feeds);
  size_t position = 0;
  while (TF_Operation* op = tf::C().TF_GraphNextOperation(scope.graph(), &position)) {
    EXPECT_STRNE(tf::C().TF_OperationOpType(op), "While");
  }
}

TEST(Jacobian, HasAGraphSizeIndependentOfTheUnits) {
  std::vector<int> operations;
  for (const int units : {2, 100}) {
    const std::shared_ptr<Trace> trace = Trace::Create();
    const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 2}), "x");
    const Symbol w = Float(trace, {2, units}, std::vector<double>(2 * units, 1));
    const Symbol y = Apply(trace, "Square", {Apply(trace, "MatMul", {x.id, w.id}).id});
    const Trace::Jacobian open = trace->BeginJacobian(y.id, {x.id}, {});
    const Symbol jacobian = trace->EndJacobian(open.body, open.gradients[0].id);
    const tf::TensorPtr input = MakeTensor(TF_FLOAT, {1, 2}, {1, 2});
    int count = 0;
    const Result result = Evaluate(*trace, jacobian.id, {input.get()}, &count);
    EXPECT_EQ(result.values, std::vector<double>(2 * units, 6));
    operations.push_back(count);
  }
  EXPECT_EQ(operations[0], operations[1]);
}

TEST(Jacobian, KeepsTheAxesOfAGridOfUnits) {
  Squares squares;
  const Symbol dims = squares.trace->Constant(MakeTensor(TF_INT32, {3}, {-1, 3, 1}));
  const Symbol grid = Apply(squares.trace, "Reshape", {squares.y.id, dims.id});
  const Trace::Jacobian open = squares.trace->BeginJacobian(grid.id, {squares.x.id}, {});
  const Symbol jacobian = squares.trace->EndJacobian(open.body, open.gradients[0].id);
  const Result result = Evaluate(*squares.trace, jacobian.id, {squares.input.get()});
  EXPECT_EQ(result.dims, (std::vector<int64_t>{2, 3, 1, 2}));
  EXPECT_EQ(result.values, (std::vector<double>{10, 40, 28, 70, 54, 108, -6, -24, -12, -30, -18, -36}));
}

TEST(Jacobian, RefusesUnitsWithoutABatchAxis) {
  Squares squares;
  const Symbol axis = squares.trace->Constant(MakeTensor(TF_INT32, {1}, {1}));
  const Symbol vector = Apply(squares.trace, "Sum", {squares.y.id, axis.id});
  EXPECT_THROW(squares.trace->BeginJacobian(vector.id, {squares.x.id}, {}), tf::Error);
  EXPECT_THROW(squares.trace->EndJacobian(Trace::Create(), 0), tf::Error);
}

TEST(Jacobian, RunsOnePassForSeveralXs) {
  // y = (x W)^2 with respect to x, to p = x W (2 p on the diagonal), and to an x that y does not depend on.
  const std::shared_ptr<Trace> trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 2}), "x");
  const Symbol other = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 1}), "other");
  const Symbol p = Apply(trace, "MatMul", {x.id, Float(trace, {2, 3}, {1, 2, 3, 4, 5, 6}).id});
  const Symbol y = Apply(trace, "Square", {p.id});
  const Trace::Jacobian open = trace->BeginJacobian(y.id, {p.id, x.id, other.id}, {});
  ASSERT_EQ(open.gradients.size(), 3u);
  EXPECT_EQ(open.gradients[0].shape, Shape::Of({-1, 3}));
  EXPECT_EQ(open.gradients[2].shape, Shape::Of({-1, 1}));
  const Symbol axis = open.body->Constant(MakeTensor(TF_INT32, {}, {1}));
  const std::vector<SymbolId> all = {open.gradients[0].id, open.gradients[1].id, open.gradients[2].id};
  const Symbol jacobian = trace->EndJacobian(open.body, Apply(open.body, "ConcatV2", {all, axis.id}).id);
  EXPECT_EQ(jacobian.shape, Shape::Of({-1, 3, 6}));
  const tf::TensorPtr ones = MakeTensor(TF_FLOAT, {1, 2}, {1, 1});
  const tf::TensorPtr unused = MakeTensor(TF_FLOAT, {1, 1}, {7});
  // p = (5, 7, 9)
  EXPECT_EQ(Evaluate(*trace, jacobian.id, {ones.get(), unused.get()}).values,
            (std::vector<double>{10, 0, 0, 10, 40, 0, 0, 14, 0, 28, 70, 0, 0, 0, 18, 54, 108, 0}));
  EXPECT_THROW(trace->BeginJacobian(y.id, {}, {}), tf::Error);
}

// Row i is x + i.
Symbol Rows(const std::shared_ptr<Trace>& trace, const Symbol& x, const Symbol& count) {
  const Trace::Stack open = trace->BeginStack(count.id);
  const Symbol shift = open.body->Op("Cast", {open.index.id}, {{"DstT", TF_FLOAT}})[0];
  return trace->EndStack(open.body, Apply(open.body, "AddV2", {x.id, shift.id}).id);
}

TEST(Stack, HasOneRowPerTurn) {
  const std::shared_ptr<Trace> trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({2}), "x");
  const Symbol count = trace->Constant(MakeTensor(TF_INT32, {}, {3}));
  const Symbol rows = Rows(trace, x, count);
  EXPECT_EQ(rows.shape, Shape::Of({3, 2}));
  const tf::TensorPtr input = MakeTensor(TF_FLOAT, {2}, {1, 10});
  const Result result = Evaluate(*trace, rows.id, {input.get()});
  EXPECT_EQ(result.dims, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(result.values, (std::vector<double>{1, 10, 2, 11, 3, 12}));
}

TEST(Stack, IsEmptyWithoutTurnsForKnownAndUnknownShapes) {
  for (const int64_t known : {int64_t{2}, int64_t{-1}}) {
    const std::shared_ptr<Trace> trace = Trace::Create();
    const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({known}), "x");
    const Symbol count = trace->Placeholder(TF_INT32, Shape::Of({}), "count");
    const Symbol rows = Rows(trace, x, count);
    EXPECT_EQ(rows.shape, Shape::Of({-1, known}));
    const tf::TensorPtr input = MakeTensor(TF_FLOAT, {2}, {1, 10});
    for (const int n : {0, 1, 2}) {
      const tf::TensorPtr turns = MakeTensor(TF_INT32, {}, {static_cast<double>(n)});
      const Result result = Evaluate(*trace, rows.id, {input.get(), turns.get()});
      EXPECT_EQ(result.dims, (std::vector<int64_t>{n, 2}));
      const std::vector<double> all = {1, 10, 2, 11};
      EXPECT_EQ(result.values, std::vector<double>(all.begin(), all.begin() + 2 * n));
    }
  }
}

TEST(Stack, RefusesACountThatIsNoIntegerScalar) {
  Squares squares;
  EXPECT_THROW(squares.trace->BeginStack(squares.x.id), tf::Error);
  EXPECT_THROW(squares.trace->EndStack(squares.trace->Body(), squares.x.id), tf::Error);
}

// for i in 0 .. n - 1: total += value(i)
Symbol SumLoop(const std::shared_ptr<Trace>& trace, int n, const Symbol& initial,
               const std::function<Symbol(const std::shared_ptr<Trace>& body, Symbol i)>& value) {
  const Symbol zero = trace->Constant(MakeTensor(TF_INT32, {}, {0}));
  const std::shared_ptr<Trace> condition = trace->Body();
  const Symbol i = condition->Placeholder(TF_INT32, Shape::Of({}), "i");
  condition->Placeholder(initial.dtype, initial.shape, "total");
  const Symbol limit = condition->Constant(MakeTensor(TF_INT32, {}, {static_cast<double>(n)}));
  const Symbol more = Apply(condition, "Less", {i.id, limit.id});
  const std::shared_ptr<Trace> body = trace->Body();
  const Symbol j = body->Placeholder(TF_INT32, Shape::Of({}), "i");
  const Symbol total = body->Placeholder(initial.dtype, initial.shape, "total");
  const Symbol one = body->Constant(MakeTensor(TF_INT32, {}, {1}));
  const Symbol next = Apply(body, "AddV2", {j.id, one.id});
  const Symbol sum = Apply(body, "AddV2", {total.id, value(body, j).id});
  return trace->While(condition, more.id, body, {next.id, sum.id}, {zero.id, initial.id})[1];
}

TEST(While, SumsAndCapturesOuterTensors) {
  const std::shared_ptr<Trace> trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({2}), "x");
  const Symbol zeros = Float(trace, {2}, {0, 0});
  const Symbol doubled = Apply(trace, "AddV2", {x.id, x.id});
  const Symbol total =
      SumLoop(trace, 4, zeros, [&](const std::shared_ptr<Trace>&, Symbol) { return doubled; });
  const tf::TensorPtr input = MakeTensor(TF_FLOAT, {2}, {1, 10});
  EXPECT_EQ(Evaluate(*trace, total.id, {input.get()}).values, (std::vector<double>{8, 80}));
}

TEST(While, DifferentiatesInsideALoopAndNestsAJacobian) {
  // sum_{i<3} d (x W_i)^2 / dx, with W_i = W + i: a Jacobian's loop inside a loop.
  Squares squares;
  const Symbol zeros = Float(squares.trace, {2, 3, 2}, std::vector<double>(12, 0));
  const Symbol total = SumLoop(squares.trace, 3, zeros, [&](const std::shared_ptr<Trace>& body, Symbol i) {
    const Symbol shift = body->Op("Cast", {i.id}, {{"DstT", TF_FLOAT}})[0];
    const Symbol w = Apply(body, "AddV2", {squares.w.id, shift.id});
    // The Identity is in the body, so that the path from x to y is in the body.
    const Symbol x = Apply(body, "Identity", {squares.x.id});
    const Symbol y = Apply(body, "Square", {Apply(body, "MatMul", {x.id, w.id}).id});
    const Trace::Jacobian open = body->BeginJacobian(y.id, {x.id}, {});
    return body->EndJacobian(open.body, open.gradients[0].id);
  });
  std::vector<double> expected(12, 0);
  const double inputs[2][2] = {{1, 1}, {1, -1}};
  for (int i = 0; i < 3; ++i) {
    for (int n = 0; n < 2; ++n) {
      for (int u = 0; u < 3; ++u) {
        const double w0 = 1 + u + i, w1 = 4 + u + i;
        const double dot = inputs[n][0] * w0 + inputs[n][1] * w1;
        expected[(n * 3 + u) * 2] += 2 * dot * w0;
        expected[(n * 3 + u) * 2 + 1] += 2 * dot * w1;
      }
    }
  }
  EXPECT_EQ(Evaluate(*squares.trace, total.id, {squares.input.get()}).values, expected);
}

TEST(While, DifferentiatesWithRespectToOuterTensors) {
  // x and p = x W are outside the loop, and y_i = (i p)^2 + x_0 is inside: dy_i[u]/dx[k] = 2 i^2 p[u] W[k,
  // u], plus 1 for k = 0, summed over u by Gradient. The path from y to x enters and leaves the body.
  const std::shared_ptr<Trace> trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 2}), "x");
  const Symbol p = Apply(trace, "MatMul", {x.id, Float(trace, {2, 3}, {1, 2, 3, 4, 5, 6}).id});
  const Symbol count = trace->Constant(MakeTensor(TF_INT32, {}, {3}));
  const Trace::Stack open = trace->BeginStack(count.id);
  const Symbol i = open.body->Op("Cast", {open.index.id}, {{"DstT", TF_FLOAT}})[0];
  const Symbol squares = Apply(open.body, "Square", {Apply(open.body, "Mul", {p.id, i.id}).id});
  const Symbol column = open.body->Constant(MakeTensor(TF_INT32, {1}, {0}));
  const Symbol axis = open.body->Constant(MakeTensor(TF_INT32, {}, {1}));
  const Symbol first = Apply(open.body, "GatherV2", {x.id, column.id, axis.id});
  const Symbol y = Apply(open.body, "AddV2", {squares.id, first.id});
  const std::vector<Symbol> gradients = open.body->Gradient({y.id}, {x.id, p.id}, {}, {});
  const Symbol both =
      Apply(open.body, "ConcatV2", {std::vector<SymbolId>{gradients[0].id, gradients[1].id}, axis.id});
  const Symbol rows = trace->EndStack(open.body, both.id);
  const tf::TensorPtr ones = MakeTensor(TF_FLOAT, {1, 2}, {1, 1});
  // p = (5, 7, 9); sum_u 2 p[u] W[k, u] = 92 and 218.
  EXPECT_EQ(Evaluate(*trace, rows.id, {ones.get()}).values,
            (std::vector<double>{3, 0, 0, 0, 0, 95, 218, 10, 14, 18, 3 + 4 * 92, 4 * 218, 40, 56, 72}));
}

TEST(Jacobian, DifferentiatesOuterTensorsInsideNestedLoops) {
  // Turn i computes the Jacobian of (i x W)^2 with respect to x in two nested loops. x W is outside the
  // loops.
  Squares squares;
  const Symbol p = Apply(squares.trace, "MatMul", {squares.x.id, squares.w.id});
  const Symbol count = squares.trace->Constant(MakeTensor(TF_INT32, {}, {2}));
  const Trace::Stack outer = squares.trace->BeginStack(count.id);
  const Trace::Stack inner = outer.body->BeginStack(count.id);
  const Symbol sum = Apply(inner.body, "AddV2", {outer.index.id, inner.index.id});
  const Symbol scale = inner.body->Op("Cast", {sum.id}, {{"DstT", TF_FLOAT}})[0];
  const Symbol y = Apply(inner.body, "Square", {Apply(inner.body, "Mul", {p.id, scale.id}).id});
  const Trace::Jacobian open = inner.body->BeginJacobian(y.id, {squares.x.id}, {});
  const Symbol jacobian = inner.body->EndJacobian(open.body, open.gradients[0].id);
  const Symbol rows = squares.trace->EndStack(outer.body, outer.body->EndStack(inner.body, jacobian.id).id);
  EXPECT_EQ(rows.shape, Shape::Of({2, 2, -1, 3, 2}));
  const tf::TensorPtr ones = MakeTensor(TF_FLOAT, {1, 2}, {1, 1});
  std::vector<double> expected;
  for (const double factor : {0, 1, 1, 4}) {
    for (const double value : {10, 40, 28, 70, 54, 108}) expected.push_back(factor * value);
  }
  EXPECT_EQ(Evaluate(*squares.trace, rows.id, {ones.get()}).values, expected);
}

// An equation owns the bodies of its loop. If a body owned the outer trace, no trace with a loop would be
// freed, nor the weights of the models that the trace calls.
TEST(Trace, IsFreedWithItsLoops) {
  std::weak_ptr<Trace> trace;
  std::weak_ptr<Trace> body;
  {
    Squares squares;
    const Trace::Jacobian open = squares.trace->BeginJacobian(squares.y.id, {squares.x.id}, {});
    squares.trace->EndJacobian(open.body, open.gradients[0].id);
    SumLoop(squares.trace, 3, squares.w, [&](const std::shared_ptr<Trace>&, Symbol) { return squares.w; });
    trace = squares.trace;
    body = open.body;
    EXPECT_THROW(Apply(open.body, "Neg", {open.gradients[0].id}), tf::Error) << "a closed body was added to";
  }
  EXPECT_TRUE(trace.expired());
  EXPECT_TRUE(body.expired());
}

TEST(While, RefusesAVariableThatChangesItsDtype) {
  const std::shared_ptr<Trace> trace = Trace::Create();
  const Symbol start = Float(trace, {}, {0});
  const std::shared_ptr<Trace> condition = trace->Body();
  condition->Placeholder(TF_FLOAT, Shape::Of({}), "x");
  const Symbol yes = condition->Constant(MakeTensor(TF_BOOL, {}, {1}));
  const std::shared_ptr<Trace> body = trace->Body();
  const Symbol x = body->Placeholder(TF_FLOAT, Shape::Of({}), "x");
  const Symbol cast = body->Op("Cast", {x.id}, {{"DstT", TF_INT32}})[0];
  EXPECT_THROW(trace->While(condition, yes.id, body, {cast.id}, {start.id}), tf::Error);
  EXPECT_THROW(trace->While(condition, yes.id, body, {}, {start.id}), tf::Error);
}

TEST(Gradient, HasTheShapeOfX) {
  Squares squares;
  const Symbol gradient = squares.trace->Gradient({squares.y.id}, {squares.x.id}, {}, {})[0];
  EXPECT_EQ(gradient.shape, squares.x.shape);
  // sum_u 2 (x W)[u] W[k, u]
  EXPECT_EQ(Evaluate(*squares.trace, gradient.id, {squares.input.get()}).values,
            (std::vector<double>{10 + 28 + 54, 40 + 70 + 108, -6 - 12 - 18, -24 - 30 - 36}));
  EXPECT_THROW(squares.trace->Gradient({squares.y.id}, {squares.x.id}, {}, {{"Relu", "no such rule"}}),
               tf::Error);
}

}  // namespace
}  // namespace ke::trace
