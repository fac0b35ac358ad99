// Tests of the way back from an output to the logits, on handmade graphs.
#include "model/output_chain.h"

#include <gtest/gtest.h>

#include "graph_fixture.h"
#include "model/model_graph.h"
#include "run_graph.h"

namespace ke::graph {
namespace {

using test::MakeTensor;
using Kind = ChainLink::Kind;

class OutputChains : public ::testing::Test {
 protected:
  TF_Output Floats(const std::vector<int64_t>& dims, const std::vector<double>& values) {
    return scope_.Const(MakeTensor(TF_FLOAT, dims, values).get(), "const");
  }
  TF_Output Ints(const std::vector<int64_t>& dims, const std::vector<double>& values) {
    return scope_.Const(MakeTensor(TF_INT32, dims, values).get(), "ints");
  }
  TF_Output Unary(const std::string& type, TF_Output x) { return scope_.Op(type).In(x).Out(); }
  TF_Output Binary(const std::string& type, TF_Output x, TF_Output y) {
    return scope_.Op(type).In(x).In(y).Out();
  }
  TF_Output Reduced(const std::string& type, TF_Output x, int axis) {
    return scope_.Op(type).In(x).In(Ints({1}, {static_cast<double>(axis)})).AttrBool("keep_dims", true).Out();
  }
  // The ends of the chain: its kinds, and whether it reaches `logits_`.
  std::vector<Kind> Kinds(TF_Output output) {
    model_ = LoadScope(scope_, {"x"}, {NameOf(output)});
    links_ = model_->OutputChain(model_->output_tensors()[0]);
    std::vector<Kind> kinds;
    for (const ChainLink& link : links_) kinds.push_back(link.kind);
    return kinds;
  }
  bool Reaches(TF_Output output, TF_Output end) {
    Kinds(output);
    for (const ChainLink& link : links_) {
      if (link.tensor == NameOf(end) + ":0") return true;
    }
    return false;
  }
  static std::string NameOf(TF_Output tensor) { return tf::C().TF_OperationName(tensor.oper); }

  Scope scope_;
  TF_Output x_ = scope_.Placeholder(TF_FLOAT, Shape::Of({-1, 3}), "x");
  // The logits: a product, at which every chain ends.
  TF_Output logits_ = Binary("MatMul", x_, Floats({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}));
  std::shared_ptr<const ModelGraph> model_;
  std::vector<ChainLink> links_;
};

TEST_F(OutputChains, PassActivationsBiasesAndViews) {
  const TF_Output biased = Binary("BiasAdd", logits_, Floats({3}, {1, -2, 3}));
  const TF_Output flat = scope_.Op("Reshape").In(biased).In(Ints({3}, {-1, 1, 3})).Out();
  const TF_Output back = scope_.Op("Reshape").In(flat).In(Ints({2}, {-1, 3})).Out();
  EXPECT_EQ(Kinds(Unary("Softmax", back)),
            (std::vector<Kind>{Kind::kSoftmax, Kind::kView, Kind::kView, Kind::kOther, Kind::kOther}));
  EXPECT_EQ(Kinds(Unary("Sigmoid", Unary("Relu", logits_)))[0], Kind::kSigmoid);
  EXPECT_TRUE(Reaches(Unary("Tanh", Unary("Elu", logits_)), logits_));
}

TEST_F(OutputChains, PassAWrittenSoftmax) {
  const TF_Output largest = Reduced("Max", logits_, -1);
  const TF_Output powers = Unary("Exp", Binary("Sub", logits_, largest));
  EXPECT_EQ(Kinds(Binary("RealDiv", powers, Reduced("Sum", powers, 1))),
            (std::vector<Kind>{Kind::kSoftmax, Kind::kOther}));
  EXPECT_EQ(links_.back().tensor, NameOf(logits_) + ":0");
}

// Over the samples, the quotient is no softmax of a sample.
TEST_F(OutputChains, EndAtASoftmaxOverAnotherAxis) {
  const TF_Output powers = Unary("Exp", logits_);
  EXPECT_EQ(Kinds(Binary("RealDiv", powers, Reduced("Sum", powers, 0))), std::vector<Kind>{Kind::kOther});
}

TEST_F(OutputChains, PassPositiveFactorsOnly) {
  EXPECT_TRUE(Reaches(Binary("Mul", logits_, Floats({}, {10})), logits_));
  EXPECT_TRUE(Reaches(Binary("RealDiv", logits_, Floats({3}, {1, 2, 3})), logits_));
  EXPECT_TRUE(Reaches(Binary("Sub", logits_, Floats({3}, {1, -2, 3})), logits_));
  EXPECT_FALSE(Reaches(Binary("Mul", logits_, Floats({3}, {1, -2, 3})), logits_));
  EXPECT_FALSE(Reaches(Binary("Mul", logits_, Floats({}, {0})), logits_));
  EXPECT_FALSE(Reaches(Binary("Sub", Floats({}, {1}), logits_), logits_));
  EXPECT_FALSE(Reaches(Binary("RealDiv", Floats({}, {1}), logits_), logits_));
  EXPECT_FALSE(Reaches(Unary("Neg", logits_), logits_));
  EXPECT_FALSE(Reaches(Unary("Square", logits_), logits_));
}

TEST_F(OutputChains, EndWhereUnitsAreCombinedSelectedOrRepeated) {
  EXPECT_FALSE(Reaches(Binary("Mul", logits_, Unary("Sigmoid", logits_)), logits_));
  EXPECT_FALSE(Reaches(Binary("AddV2", logits_, x_), logits_));
  EXPECT_FALSE(Reaches(Reduced("Sum", logits_, 1), logits_));
  const TF_Output wide = scope_.Op("Reshape").In(logits_).In(Ints({3}, {-1, 3, 1})).Out();
  EXPECT_FALSE(Reaches(Binary("AddV2", wide, Floats({1, 3, 4}, std::vector<double>(12, 1))), logits_));
  const TF_Output joined = scope_.Op("ConcatV2").InList({logits_, logits_}).In(scope_.Const(1)).Out();
  EXPECT_FALSE(Reaches(joined, logits_));
}

TEST_F(OutputChains, PassTheNumberOfTheLargestUnit) {
  const TF_Output largest = scope_.Op("ArgMax").In(Unary("Softmax", logits_)).In(scope_.Const(-1)).Out();
  EXPECT_TRUE(Reaches(largest, logits_));
  const TF_Output over_samples = scope_.Op("ArgMax").In(logits_).In(scope_.Const(0)).Out();
  EXPECT_FALSE(Reaches(over_samples, logits_));
}

TEST_F(OutputChains, AreRefusedForUnknownTensors) {
  Kinds(logits_);
  EXPECT_THROW(model_->OutputChain("nothing:0"), tf::Error);
  EXPECT_THROW(model_->LastWithPositions("nothing:0"), tf::Error);
  EXPECT_EQ(model_->LastWithPositions(model_->output_tensors()[0]), "");
}

}  // namespace
}  // namespace ke::graph
