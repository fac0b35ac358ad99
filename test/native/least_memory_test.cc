// Tests of the least memory of small graphs, computed by hand.
#include "build/least_memory.h"

#include <gtest/gtest.h>

#include "build/scope.h"
#include "runtime/memory_check.h"

namespace ke::test {

namespace {

using graph::FindLeastMemory;
using graph::LeastMemory;
using graph::Scope;
using graph::Shape;

// float32: four bytes each.
constexpr double kRow = 10 * 4;
const std::vector<int32_t> kFlat{-1};

struct Chain {
  Scope scope;
  TF_Output x = scope.Placeholder(TF_FLOAT, Shape::Of({-1, 10}), "x");

  TF_Output Apply(const std::string& type, TF_Output input) { return scope.Op(type).In(input).Out(); }
  LeastMemory Least(const std::vector<TF_Output>& fetches, int64_t rows) const {
    return FindLeastMemory(scope.graph(), {x}, fetches, {{rows, 10}});
  }
};

}  // namespace

TEST(LeastMemory, IsTheLargestTensorOfAChain) {
  Chain chain;
  const TF_Output tiled =
      chain.scope.Op("Tile", "tiled").In(chain.Apply("Relu", chain.x)).In(chain.scope.Const({1, 7})).Out();
  const TF_Output sum = chain.scope.Op("Sum").In(tiled).In(chain.scope.Const(1)).Out();
  const LeastMemory least = chain.Least({sum}, 6);
  EXPECT_EQ(least.bytes, 6 * 7 * kRow);
  EXPECT_EQ(least.largest_bytes, 6 * 7 * kRow);
  EXPECT_EQ(least.largest_op, "tiled");
  EXPECT_EQ(ToString(least.largest_shape), "(6, 70)");
}

TEST(LeastMemory, CountsTensorsThatAreReadLater) {
  Chain chain;
  const TF_Output a = chain.Apply("Exp", chain.x);
  const TF_Output b = chain.Apply("Sin", a);
  const TF_Output c = chain.Apply("Cos", b);
  // `a` and `b` stay alive until `c`, as activations do until their gradients.
  const TF_Output d = chain.scope.Op("AddN").InList({c, b, a}).Out();
  EXPECT_EQ(chain.Least({d}, 5).bytes, 3 * 5 * kRow);
  EXPECT_EQ(chain.Least({c}, 5).bytes, 5 * kRow);
  EXPECT_EQ(chain.Least({c, a}, 5).bytes, 2 * 5 * kRow);
}

TEST(LeastMemory, DoesNotCountViewsAndFeeds) {
  Chain chain;
  const TF_Output flat = chain.scope.Op("Reshape").In(chain.x).In(chain.scope.Const(kFlat)).Out();
  EXPECT_EQ(chain.Least({flat}, 5).bytes, 0);
  const TF_Output a = chain.Apply("Exp", chain.x);
  const TF_Output view = chain.scope.Op("Reshape").In(a).In(chain.scope.Const(kFlat)).Out();
  const TF_Output both = chain.scope.Op("AddN").InList({chain.Apply("Sin", view), view}).Out();
  EXPECT_EQ(chain.Least({both, a}, 5).bytes, 2 * 5 * kRow);
  // A tensor that depends on no feed is computed once and kept.
  EXPECT_EQ(chain.Least({chain.Apply("Exp", chain.scope.Scalar(TF_FLOAT, 1))}, 5).bytes, 0);
}

TEST(LeastMemory, MatchesEachOutputOfAViewToItsInput) {
  Chain chain;
  const TF_Output a = chain.Apply("Exp", chain.x);
  const TF_Output checked = chain.scope.Op("EnsureShape").In(a).AttrShape("shape", Shape::Of({-1, 10})).Out();
  const TF_Output both = chain.scope.Op("AddN").InList({chain.Apply("Sin", checked), checked}).Out();
  EXPECT_EQ(chain.Least({both, a}, 5).bytes, 2 * 5 * kRow);
  const TF_Output b = chain.Apply("Cos", chain.x);
  const std::vector<TF_Output> same = chain.scope.Op("IdentityN").InList({a, b}).Outs();
  const TF_Output sum = chain.scope.Op("AddN").InList(same).Out();
  EXPECT_EQ(chain.Least({sum, a, b}, 5).bytes, 3 * 5 * kRow);
}

TEST(LeastMemory, HandlesLoopsOfTheGraph) {
  Chain chain;
  const auto op = [&](const char* type) { return chain.scope.Op(type); };
  const TF_Output enter =
      op("Enter").In(chain.x).AttrString("frame_name", "f").AttrBool("is_constant", true).Out();
  const TF_Output merge = op("Merge").InList({enter, enter}).Out();
  const TF_Output exit = op("Exit").In(chain.Apply("Exp", merge)).Out();
  EXPECT_GE(chain.Least({exit}, 3).bytes, 3 * kRow);
}

TEST(LeastMemory, ThrowsForSizesThatDoNotFit) {
  Chain chain;
  const TF_Output wide = chain.scope.Op("MatMul").In(chain.x).In(chain.x).Out();
  EXPECT_THROW(chain.Least({wide}, 3), tf::Error);
}

namespace {

runtime::TensorRef Rows(int64_t rows) { return runtime::Tensor::Allocate(TF_FLOAT, {rows, 10}); }

}  // namespace

TEST(MemoryCheck, RefusesMoreThanTheProcessCanAllocate) {
  Chain chain;
  // 4 TB per row: more than the machines of the tests have, but not more than TensorFlow can count.
  TF_Output tiled = chain.scope.Op("Tile", "huge").In(chain.x).In(chain.scope.Const({1, 100'000'000})).Out();
  tiled = chain.scope.Op("Tile", "larger").In(tiled).In(chain.scope.Const({1, 1000})).Out();
  const TF_Output sum = chain.scope.Op("Sum").In(tiled).In(chain.scope.Const(1)).Out();
  const runtime::MemoryCheck check(chain.scope.graph(), {chain.x}, {sum});
  try {
    check.Check({Rows(2)});
    FAIL() << "8 TB were granted";
  } catch (const tf::Error& error) {
    EXPECT_EQ(error.code(), TF_RESOURCE_EXHAUSTED);
    EXPECT_EQ(error.op(), "larger");
    EXPECT_NE(std::string(error.what()).find("holds at least 8000.0 GB of tensors at once"),
              std::string::npos)
        << error.what();
  }
  EXPECT_NO_THROW(check.Check({Rows(0)}));
}

TEST(MemoryCheck, RespectsTheLimitOfAContainer) {
  Chain chain;
  const TF_Output tiled = chain.scope.Op("Tile").In(chain.x).In(chain.scope.Const({1, 10'000'000})).Out();
  const runtime::MemoryCheck check(chain.scope.graph(), {chain.x}, {tiled});
  EXPECT_NO_THROW(check.Check({Rows(1)}));  // 400 MB
  runtime::SetMemoryLimit(300 << 20);
  EXPECT_LE(runtime::AvailableMemory(), 300 << 20);
  EXPECT_THROW(check.Check({Rows(1)}), tf::Error);
  runtime::SetMemoryLimit(0);
  EXPECT_GT(runtime::AvailableMemory(), 300 << 20);
}

}  // namespace ke::test
