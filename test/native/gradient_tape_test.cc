// The tape itself: the ops that the tape walks over, the sums, where the ops are built, and the refusals.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "gradient/registry.h"
#include "gradient/tape.h"
#include "gradient_check.h"
#include "run_graph.h"

namespace ke::gradient {
namespace {

using graph::Scope;
using graph::Shape;
using test::Tensors;
using Doubles = std::vector<double>;

class Tape : public ::testing::Test {
 protected:
  TF_Output Input(const Doubles& value, TF_DataType dtype = TF_DOUBLE) {
    const std::vector<int64_t> dims = {static_cast<int64_t>(value.size())};
    const TF_Output input = s.Placeholder(dtype, Shape::Of(dims), "x");
    values.push_back(test::MakeTensor(dtype, dims, value));
    feeds.emplace_back(input, values.back().get());
    return input;
  }
  TF_Output Unary(const char* type, TF_Output x, const char* name = "") {
    return s.Op(type, name).In(x).Out();
  }
  TF_Output Binary(const char* type, TF_Output a, TF_Output b) { return s.Op(type).In(a).In(b).Out(); }

  Tensors Gradients(const Tensors& ys, const Tensors& xs, const Tensors& grad_ys = {},
                    const Options& options = {}) {
    return Gradient(&s, &s, ys, xs, grad_ys, options);
  }
  Doubles Run(TF_Output tensor) {
    // A fed tensor cannot be fetched.
    return test::GraphRunner(s).RunOne(feeds, Unary("Identity", tensor));
  }

  // Returns the error of a gradient that must be refused.
  tf::Error Refusal(const Tensors& ys, const Tensors& xs, const Options& options = {}) {
    try {
      Gradients(ys, xs, {}, options);
    } catch (const tf::Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was refused";
    return tf::Error(TF_OK, "");
  }

  Scope s;
  std::vector<tf::TensorPtr> values;
  std::vector<test::Feed> feeds;
};

TEST_F(Tape, SumsOverThePathsOfADiamond) {
  // y = x^2 + 3 x exp(0 x): two paths, and a product of a tensor with itself.
  const TF_Output x = Input({2, -1});
  const TF_Output square = Binary("Mul", x, x);
  const TF_Output triple = Binary("Mul", x, s.Scalar(TF_DOUBLE, 3));
  const TF_Output y = Binary("AddV2", square, triple);
  EXPECT_EQ(Run(Gradients({y}, {x})[0]), (Doubles{7, 1}));
}

TEST_F(Tape, AddsEachResidualOnce) {
  // h <- h + h / 2, four times: 1.5^4 h.
  TF_Output h = Input({1});
  const TF_Output x = h;
  for (int i = 0; i < 4; ++i) h = Binary("AddV2", h, Binary("Mul", h, s.Scalar(TF_DOUBLE, 0.5)));
  EXPECT_EQ(Run(Gradients({h}, {x})[0]), (Doubles{5.0625}));
}

TEST_F(Tape, WeighsByGradYsAndByOnesIfNoneIsGiven) {
  const TF_Output x = Input({1, 2});
  const TF_Output weights = Input({10, 100});
  const TF_Output square = Unary("Square", x);
  const TF_Output negative = Unary("Neg", x);
  EXPECT_EQ(Run(Gradients({square, negative}, {x}, {weights, {nullptr, 0}})[0]), (Doubles{19, 399}));
  EXPECT_EQ(Run(Gradients({square, square}, {x})[0]), (Doubles{4, 8}));
}

TEST_F(Tape, ReturnsTheSeedForAYThatIsAnX) {
  const TF_Output x = Input({3});
  const TF_Output weight = Input({5});
  const TF_Output y = Unary("Square", x);
  EXPECT_EQ(Run(Gradients({x}, {x}, {weight})[0]), (Doubles{5}));
  // x is a y, and another y depends on x.
  EXPECT_EQ(Run(Gradients({x, y}, {x}, {weight, weight})[0]), (Doubles{35}));
  // An x on the path between another x and y.
  const Tensors both = Gradients({Unary("Neg", y)}, {y, x});
  EXPECT_EQ(Run(both[0]), (Doubles{-1}));
  EXPECT_EQ(Run(both[1]), (Doubles{-6}));
}

TEST_F(Tape, IsZeroIfThereIsNoPath) {
  const TF_Output x = Input({3, 4});
  const TF_Output other = Input({1});
  const TF_Output stopped = Unary("StopGradient", Unary("Square", x));
  const TF_Output counted = s.Op("Cast").In(Unary("Shape", x)).AttrType("DstT", TF_DOUBLE).Out();
  const Tensors gradients = Gradients({Unary("Square", other), stopped, counted}, {x, other});
  EXPECT_EQ(Run(gradients[0]), (Doubles{0, 0}));
  EXPECT_EQ(Run(gradients[1]), (Doubles{2}));
  // x / stop(x): only the numerator has a gradient.
  EXPECT_EQ(Run(Gradients({Binary("RealDiv", x, Unary("StopGradient", x))}, {x})[0]),
            (Doubles{1.0 / 3, 0.25}));
}

TEST_F(Tape, WalksDeepChainsWithoutRecursion) {
  constexpr int kDepth = 5000;
  const TF_Output x = Input({1});
  TF_Output h = x;
  for (int i = 0; i < kDepth; ++i) h = Unary("Neg", h);
  const TF_Output gradient = Gradients({h}, {x})[0];
  EXPECT_EQ(test::GraphRunner(s, /*optimize=*/false).RunOne(feeds, gradient), (Doubles{1}));
}

TEST_F(Tape, BuildsNoOpsForInputsWithoutAGradient) {
  const TF_Output x = s.Placeholder(TF_FLOAT, Shape::Of({-1, 8, 8, 3}));
  const TF_Output filter = s.Placeholder(TF_FLOAT, Shape::Of({3, 3, 3, 4}));
  const TF_Output conv =
      s.Op("Conv2D").In(x).In(filter).AttrInts("strides", {1, 1, 1, 1}).AttrString("padding", "SAME").Out();
  const TF_Output bias = s.Placeholder(TF_FLOAT, Shape::Of({4}));
  const TF_Output y = Unary("Relu", Binary("BiasAdd", conv, bias));
  std::set<TF_Operation*> before;
  size_t position = 0;
  while (TF_Operation* op = tf::C().TF_GraphNextOperation(s.graph(), &position)) before.insert(op);
  Gradients({y}, {x});
  int backprops = 0;
  position = 0;
  while (TF_Operation* op = tf::C().TF_GraphNextOperation(s.graph(), &position)) {
    if (before.count(op) > 0) continue;
    const std::string type = tf::C().TF_OperationOpType(op);
    backprops += type == "Conv2DBackpropInput";
    EXPECT_NE(type, "Conv2DBackpropFilter");
    EXPECT_NE(type, "BiasAddGrad");
    // Convolution, bias and Relu can still be fused, because no op reads the tensors between them.
    for (int i = 0; i < tf::C().TF_OperationNumInputs(op); ++i) {
      const std::string source = tf::C().TF_OperationName(tf::C().TF_OperationInput({op, i}).oper);
      EXPECT_NE(source, "Conv2D");
      EXPECT_NE(source, "BiasAdd");
    }
  }
  EXPECT_EQ(backprops, 1);
}

class OpenBatch : public Tape {
 protected:
  std::multiset<std::string> Types() const {
    std::multiset<std::string> types;
    size_t position = 0;
    while (TF_Operation* op = tf::C().TF_GraphNextOperation(s.graph(), &position)) {
      types.insert(tf::C().TF_OperationOpType(op));
    }
    return types;
  }
};

TEST_F(OpenBatch, IsSharedAlongAResidual) {
  const TF_Output x = s.Placeholder(TF_FLOAT, Shape::Of({-1, 4, 4, 2}));
  const TF_Output filter = s.Placeholder(TF_FLOAT, Shape::Of({3, 3, 2, 2}));
  const TF_Output conv =
      s.Op("Conv2D").In(x).In(filter).AttrInts("strides", {1, 1, 1, 1}).AttrString("padding", "SAME").Out();
  const TF_Output y = Binary("AddV2", x, Unary("Relu", conv));
  const TF_Output gradient = Gradients({y}, {x})[0];
  EXPECT_EQ(Types().count("BroadcastGradientArgs"), 0u);
  EXPECT_EQ(Types().count("Sum"), 0u);
  EXPECT_EQ(s.GetShape(gradient), Shape::Of({-1, 4, 4, 2}));
}

TEST_F(OpenBatch, IsNotAssumedToBeSharedBetweenInputs) {
  const TF_Output many = s.Placeholder(TF_DOUBLE, Shape::Of({-1, 2}));
  const TF_Output one = s.Placeholder(TF_DOUBLE, Shape::Of({-1, 2}));
  const TF_Output y = Binary("Mul", Unary("Neg", many), Unary("Exp", one));
  const Tensors gradients = Gradients({y}, {many, one});
  EXPECT_EQ(Types().count("BroadcastGradientArgs"), 2u);
  values.push_back(test::MakeTensor(TF_DOUBLE, {3, 2}, {1, 2, 3, 4, 5, 6}));
  values.push_back(test::MakeTensor(TF_DOUBLE, {1, 2}, {0, 0}));
  feeds = {{many, values[0].get()}, {one, values[1].get()}};
  EXPECT_EQ(Run(gradients[0]), (Doubles{-1, -1, -1, -1, -1, -1}));
  EXPECT_EQ(Run(gradients[1]), (Doubles{-9, -12}));
}

TEST_F(Tape, NarrowFloatsKeepTheirDType) {
  for (const TF_DataType dtype : {TF_HALF, TF_BFLOAT16}) {
    const TF_Output wide = Input({0.5, -2}, TF_FLOAT);
    const TF_Output x = s.Op("Cast").In(wide).AttrType("DstT", dtype).Out();
    TF_Output y = Unary("Erf", Unary("Relu", Unary("Square", Unary("Sigmoid", x))));
    y = s.Op("Mean").In(Binary("Mul", Unary("Softmax", y), x)).In(s.Const(std::vector<int32_t>{0})).Out();
    const TF_Output gradient = Gradients({y}, {x})[0];
    EXPECT_EQ(Scope::GetDType(gradient), dtype);
    const Doubles narrow = Run(s.Op("Cast").In(gradient).AttrType("DstT", TF_FLOAT).Out());
    const Doubles exact = Run(Gradients({y}, {wide})[0]);
    EXPECT_EQ(narrow, exact);
    EXPECT_NE(narrow[0], 0);
  }
}

TEST_F(Tape, NamesTheTypeAndTheNodeOfAnOpWithoutARule) {
  const TF_Output x = Input({1, 2});
  const TF_Output y = s.Op("Bitcast", "model/block_1/bits").In(x).AttrType("type", TF_DOUBLE).Out();
  const tf::Error error = Refusal({y}, {x});
  EXPECT_EQ(error.code(), TF_UNIMPLEMENTED);
  EXPECT_EQ(error.op(), "model/block_1/bits");
  EXPECT_STREQ(error.what(), "No confirmed gradient for op Bitcast (node model/block_1/bits)");
  // An op without a rule is accepted if it is not on a path.
  EXPECT_EQ(Run(Gradients({Unary("Neg", x), Unary("StopGradient", y)}, {x})[0]), (Doubles{-1, -1}));
}

TEST_F(Tape, RefusesATensorListOpWithoutARuleInsteadOfLosingItsPath) {
  const TF_Output x = Input({1, 2});
  const TF_Output shape = s.Const(std::vector<int32_t>{});
  const TF_Output list = s.Op("TensorListFromTensor").In(x).In(shape).Out();
  const TF_Output both =
      s.Op("TensorListConcatLists", "lstm/both").In(list).In(list).AttrType("element_dtype", TF_DOUBLE).Out();
  const TF_Output stacked =
      s.Op("TensorListStack").In(both).In(shape).AttrType("element_dtype", TF_DOUBLE).Out();
  EXPECT_EQ(Refusal({stacked}, {x}).op(), "lstm/both");
}

TEST_F(Tape, RefusesUnconfirmedAttributes) {
  const TF_Output x = s.Placeholder(TF_DOUBLE, Shape::Of({4, 3}));
  const TF_Output r = s.Op("Qr", "qr").In(x).AttrBool("full_matrices", true).Out(1);
  const tf::Error error = Refusal({r}, {x});
  EXPECT_EQ(error.code(), TF_UNIMPLEMENTED);
  EXPECT_STREQ(error.what(),
               "No confirmed gradient for op Qr (node qr): with full matrices of more rows than columns");
}

// Only rules that conjugate the derivative are right for complex numbers.
TEST_F(Tape, RefusesComplexNumbersWhereARuleIsNotForThem) {
  const TF_Output x = Input({1, 2});
  const TF_Output z = s.Op("Cast").In(x).AttrType("DstT", TF_COMPLEX128).Out();
  const TF_Output tangent = Unary("Tan", z, "tan");
  const TF_Output y = s.Op("Real").In(tangent).AttrType("Tout", TF_DOUBLE).Out();
  EXPECT_STREQ(Refusal({y}, {x}).what(), "No confirmed gradient for op Tan (node tan): of complex numbers");
}

TEST_F(Tape, RefusesDTypesThatAreNotFloating) {
  const TF_Output integers = s.Const(std::vector<int32_t>{1, 2});
  const TF_Output x = Input({1});
  EXPECT_EQ(Refusal({integers}, {x}).code(), TF_INVALID_ARGUMENT);
  EXPECT_EQ(Refusal({x}, {integers}).code(), TF_INVALID_ARGUMENT);
  EXPECT_NE(std::string(Refusal({x}, {integers}).what()).find("`xs[0]`"), std::string::npos);
  EXPECT_THROW(Gradients({x}, {x}, {x, x}), tf::Error);
  try {
    Gradients({x}, {x}, {Input({1}, TF_FLOAT)});
    FAIL();
  } catch (const tf::Error& error) {
    EXPECT_STREQ(error.what(), "Expected `gradYs[0]` of the dtype of `ys[0]`, float64. Received float32");
  }
  try {
    Gradients({x}, {x}, {Input({1, 2})});
    FAIL();
  } catch (const tf::Error& error) {
    EXPECT_STREQ(error.what(), "Expected `gradYs[0]` of the shape of `ys[0]`, (1). Received (2)");
  }
}

// All combinations of the signs of dy and x.
class Overrides : public Tape {
 protected:
  Doubles Overridden(const char* type, const char* name) {
    const TF_Output x = Input({-1, -1, 2, 2, 8, 8});
    const TF_Output dy = Input({3, -3, 3, -3, 3, -3});
    return Run(Gradients({Unary(type, x)}, {x}, {dy}, {{{type, name}}})[0]);
  }
};

TEST_F(Overrides, GuidedPassesPositiveGradientsWhereTheInputWasPositive) {
  EXPECT_EQ(Overridden("Relu", "guided"), (Doubles{0, 0, 3, 0, 3, 0}));
  EXPECT_EQ(Overridden("Relu6", "guided"), (Doubles{0, 0, 3, 0, 0, 0}));
  EXPECT_EQ(Overridden("Elu", "guided"), (Doubles{0, 0, 3, 0, 3, 0}));
  EXPECT_EQ(Overridden("LeakyRelu", "guided"), (Doubles{0, 0, 3, 0, 3, 0}));
  const Doubles selu = Overridden("Selu", "guided");
  EXPECT_NEAR(selu[2], 3 * 1.0507009873554805, 1e-6);
  EXPECT_EQ(selu[0] + selu[1] + selu[3] + selu[5], 0);
}

TEST_F(Overrides, DeconvolutionPassesPositiveGradientsForEveryInput) {
  for (const char* type : {"Relu", "Relu6", "Elu", "Selu", "LeakyRelu"}) {
    EXPECT_EQ(Overridden(type, "deconvolution"), (Doubles{3, 0, 3, 0, 3, 0})) << type;
  }
}

TEST_F(Overrides, RefuseUnknownNamesAndListTheKnownNames) {
  try {
    CheckOverride("Relu", "guide");
    FAIL();
  } catch (const tf::Error& error) {
    EXPECT_EQ(error.code(), TF_INVALID_ARGUMENT);
    EXPECT_STREQ(
        error.what(),
        "Expected one of the overrides 'deconvolution', 'guided' for op type Relu. Received 'guide'");
  }
  try {
    CheckOverride("Conv2D", "guided");
    FAIL();
  } catch (const tf::Error& error) {
    EXPECT_STREQ(error.what(),
                 "Expected overrides for one of the op types 'Elu', 'LeakyRelu', 'Relu', 'Relu6', 'Selu'. "
                 "Received 'Conv2D'");
  }
  CheckOverride("Relu", "guided");
}

TEST_F(Tape, CapturesIntoABodyOnlyTensorsThatRulesRead) {
  const TF_Output x = s.Placeholder(TF_FLOAT, Shape::Of({-1, 6}), "x");
  const std::vector<float> weight(6 * 300, 0.5f);
  const TF_Output kernel = s.Const(tf::MakeTensor(TF_FLOAT, {6, 300}, weight.data()).get(), "kernel");
  const TF_Output y = Unary("Relu", Binary("MatMul", x, kernel));
  Scope body(&s);
  const TF_Output dy = body.Placeholder(TF_FLOAT, s.GetShape(y), "dy");
  Gradient(&s, &body, {y}, {x}, {dy}, {});
  std::vector<std::string> captured;
  for (const TF_Output& tensor : body.captured())
    captured.emplace_back(tf::C().TF_OperationName(tensor.oper));
  EXPECT_EQ(captured, (std::vector<std::string>{"Relu", "kernel"}));
}

TEST(Registry, FiniteDifferencesProveEveryRule) {
  std::set<std::string> proved;
  for (const test::GradientCase& one : test::AllCases()) {
    for (const std::string& type : test::OpTypes(one)) proved.insert(type);
  }
  // The rule of PreventGradient always refuses.
  proved.insert("PreventGradient");
  // TensorFlow defines the gradients of these ops, and gradient_values_test.cc compares with TensorFlow.
  for (const std::string& type : test::GradientsDefinedByTensorflow()) proved.insert(type);
  for (const std::string& type : Registry::Get().Types()) {
    EXPECT_TRUE(proved.count(type) > 0) << "the rule of " << type << " is in no finite-difference table";
  }
}

}  // namespace
}  // namespace ke::gradient
