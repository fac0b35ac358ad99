// Short runs in the calling thread, and the search for NaN.
#include "runtime/short_runs.h"

#include <gtest/gtest.h>

#include <cfloat>
#include <chrono>
#include <cmath>
#include <cstring>
#include <future>
#include <limits>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/compiled_function.h"
#include "runtime/find_not_finite.h"
#include "runtime/strategy.h"
#include "tensorflow/own_op.h"

namespace ke::runtime {
namespace {

using graph::OpBuilder;
using graph::Scope;
using graph::Shape;
using std::chrono::microseconds;
using tf::C;

const ShortRuns::Sizes kSizes{1, 4};

void NoteTimes(ShortRuns* short_runs, int times, ShortRuns::Duration spent = ShortRuns::kShort) {
  for (int i = 0; i < times; ++i) short_runs->Note(kSizes, spent);
}

TEST(ShortRuns, ExpectsAShortRunAfterSeveralOfTheSameSizes) {
  ShortRuns short_runs(true);
  NoteTimes(&short_runs, ShortRuns::kRuns - 1);
  EXPECT_FALSE(short_runs.Expects(kSizes));
  NoteTimes(&short_runs, 1);
  EXPECT_TRUE(short_runs.Expects(kSizes));
  EXPECT_FALSE(short_runs.Expects({2, 4}));
  short_runs.Note({2, 4}, ShortRuns::kShort);
  EXPECT_FALSE(short_runs.Expects(kSizes));
}

TEST(ShortRuns, ALongRunRestartsTheCountOfShortRuns) {
  ShortRuns short_runs(true);
  NoteTimes(&short_runs, ShortRuns::kRuns - 1);
  NoteTimes(&short_runs, 1, ShortRuns::kShort + microseconds(1));
  NoteTimes(&short_runs, ShortRuns::kRuns - 1);
  EXPECT_FALSE(short_runs.Expects(kSizes));
}

TEST(ShortRuns, ARunAboveTheLimitDoublesTheNeededShortRuns) {
  ShortRuns short_runs(true);
  NoteTimes(&short_runs, ShortRuns::kRuns);
  NoteTimes(&short_runs, 1, ShortRuns::kLong);
  EXPECT_TRUE(short_runs.Expects(kSizes));
  NoteTimes(&short_runs, 1, ShortRuns::kLong + microseconds(1));
  NoteTimes(&short_runs, 2 * ShortRuns::kRuns - 1);
  EXPECT_FALSE(short_runs.Expects(kSizes));
  NoteTimes(&short_runs, 1);
  EXPECT_TRUE(short_runs.Expects(kSizes));
}

TEST(ShortRuns, ManyShortRunsUndoTheDoubling) {
  ShortRuns short_runs(true);
  NoteTimes(&short_runs, ShortRuns::kRuns);
  NoteTimes(&short_runs, 1, 2 * ShortRuns::kLong);
  NoteTimes(&short_runs, 100 * ShortRuns::kRuns);
  short_runs.Note({2, 4}, ShortRuns::kShort);
  NoteTimes(&short_runs, ShortRuns::kRuns);
  EXPECT_TRUE(short_runs.Expects(kSizes));
}

TEST(ShortRuns, RunsThatAreOftenLongAreNotExpected) {
  ShortRuns short_runs(true);
  int expected = 0;
  for (int i = 0; i < 1000; ++i) {
    expected += short_runs.Expects(kSizes) ? 1 : 0;
    NoteTimes(&short_runs, 1, i % 20 == 19 ? 2 * ShortRuns::kLong : ShortRuns::kShort);
  }
  EXPECT_LT(expected, 20);
}

TEST(ShortRuns, ExpectsNoRunIfTheTimeDependsOnValues) {
  ShortRuns short_runs(false);
  NoteTimes(&short_runs, 10 * ShortRuns::kRuns);
  EXPECT_FALSE(short_runs.Expects(kSizes));

  Scope plain;
  const TF_Output x = plain.Placeholder(TF_FLOAT, Shape::Of({-1, 4}), "x");
  plain.Op("AddV2").In(x).In(x).Out();
  EXPECT_TRUE(DependsOnSizesAlone(plain.graph()));
  plain.Op("Where").In(x).Out();
  EXPECT_FALSE(DependsOnSizesAlone(plain.graph()));

  // The size of these ops' results depends on the data.
  for (const char* type : {"ListDiff", "Unique", "Merge"}) {
    Scope finds;
    const TF_Output values = finds.Placeholder(TF_FLOAT, Shape::Of({-1}), "x");
    OpBuilder op = finds.Op(type);
    if (std::string_view(type) == "Merge") {
      op.InList({values, values});
    } else {
      op.In(values);
      if (std::string_view(type) == "ListDiff") op.In(values);
    }
    op.Finish();
    EXPECT_FALSE(DependsOnSizesAlone(finds.graph())) << type;
  }

  // An op that only `allowOps` admits may wait for a disk or a host.
  Scope reads;
  reads.Op("MatchingFiles").In(reads.Placeholder(TF_STRING, Shape::Of({}), "x")).Out();
  EXPECT_FALSE(DependsOnSizesAlone(reads.graph()));
}

// The thread of the last kernel, and the time that the kernel takes.
struct Seen {
  std::thread::id thread;
  microseconds takes{0};
} seen;

void* CreateNothing(TF_OpKernelConstruction*) noexcept { return nullptr; }
void DeleteNothing(void*) noexcept {}
void ComputeSeen(void*, TF_OpKernelContext* context) noexcept {
  tf::GuardedKernel(nullptr, context, [&] {
    seen.thread = std::this_thread::get_id();
    const ShortRuns::Duration begun = ShortRuns::ThreadTime();
    while (ShortRuns::ThreadTime() - begun < seen.takes) {
    }
    tf::SetKernelOutput(context, tf::KernelInput(context, 0));
  });
}

const std::string& SeenOp() {
  static const std::string& name = *new std::string(tf::OwnOpName("TestSeen"));
  static std::once_flag once;
  std::call_once(once, [] {
    tf::RegisterOwnOp({name,
                       {"x: float"},
                       "same: float",
                       {},
                       tf::InferFirstInput,
                       CreateNothing,
                       ComputeSeen,
                       DeleteNothing});
  });
  return name;
}

class RunNow : public testing::Test {
 protected:
  RunNow() : strategy_(2), x_(Tensor::Allocate(TF_FLOAT, {2, 4})) {
    std::memset(x_->data(), 0, x_->bytes());
    seen = {};
    auto scope = std::make_unique<Scope>();
    const TF_Output x = scope->Placeholder(TF_FLOAT, Shape::Of({-1, 4}), "x");
    const TF_Output same = scope->Op(SeenOp()).In(x).Out();
    function_ = CompiledFunction::Build(std::move(scope), {x}, {same}, {1, 2});
  }

  void RunElsewhere() {
    std::promise<void> done;
    function_->Run(&strategy_, {x_}, {.shard_size = 2},
                   [&](std::vector<TensorRef>, std::exception_ptr) { done.set_value(); });
    done.get_future().wait();
  }
  std::optional<std::vector<TensorRef>> Now(int64_t shard_size = 2) {
    return function_->RunNow(&strategy_, {x_}, {.shard_size = shard_size});
  }
  // Some of the first runs may be slow.
  void RunUntilExpected() {
    for (int i = 0; i < 10000 && !function_->short_runs().Expects({2, 4}); ++i) RunElsewhere();
    ASSERT_TRUE(function_->short_runs().Expects({2, 4}));
  }

  Strategy strategy_;
  const TensorRef x_;
  std::shared_ptr<CompiledFunction> function_;
};

TEST_F(RunNow, ComputesInTheCallingThreadOnceRunsAreKnownToBeShort) {
  EXPECT_FALSE(Now().has_value());
  RunUntilExpected();
  EXPECT_NE(seen.thread, std::this_thread::get_id());
  const auto outputs = Now();
  ASSERT_TRUE(outputs.has_value());
  EXPECT_EQ(outputs->at(0)->dims(), (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(seen.thread, std::this_thread::get_id());
}

TEST_F(RunNow, DoesNotComputeSeveralShards) {
  RunUntilExpected();
  EXPECT_FALSE(Now(1).has_value());
}

TEST_F(RunNow, StopsAfterALongRun) {
  RunUntilExpected();
  seen.takes = std::chrono::duration_cast<microseconds>(ShortRuns::kLong) * 2;
  EXPECT_TRUE(Now().has_value());
  EXPECT_FALSE(Now().has_value());
}

TEST_F(RunNow, ThrowsForBadFeedsAndAClosedStrategy) {
  RunUntilExpected();
  const TensorRef other = Tensor::Allocate(TF_FLOAT, {2, 5});
  EXPECT_THROW(function_->RunNow(&strategy_, {other}, {.shard_size = 2}), tf::Error);
  strategy_.Stop();
  EXPECT_THROW(Now(), tf::Error);
}

template <typename T>
int64_t Find(TF_DataType dtype, const std::vector<T>& values) {
  return FindNotFinite(dtype, values.data(), static_cast<int64_t>(values.size()));
}

TEST(FindNotFinite, ReturnsTheFirstIndex) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> values(5000, 1.0f);
  values[8] = std::numeric_limits<float>::max();
  values[9] = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(Find(TF_FLOAT, values), -1);
  values[4999] = NAN;
  EXPECT_EQ(Find(TF_FLOAT, values), 4999);
  values[1023] = -NAN;
  EXPECT_EQ(Find(TF_FLOAT, values), 1023);
  values[8] = -kInfinity;
  EXPECT_EQ(Find(TF_FLOAT, values), 8);
  values[7] = kInfinity;
  EXPECT_EQ(Find(TF_FLOAT, values), 7);
  EXPECT_EQ(Find(TF_FLOAT, std::vector<float>()), -1);
}

TEST(FindNotFinite, SupportsEveryFloatingDType) {
  EXPECT_EQ(Find(TF_DOUBLE, std::vector<double>{1, DBL_MAX, NAN}), 2);
  EXPECT_EQ(Find(TF_DOUBLE, std::vector<double>{1, -HUGE_VAL, NAN}), 1);
  EXPECT_EQ(Find(TF_HALF, std::vector<uint16_t>{0x7bff, 0xfbff, 0x7c01}), 2);
  EXPECT_EQ(Find(TF_HALF, std::vector<uint16_t>{0x7bff, 0xfc00}), 1);
  EXPECT_EQ(Find(TF_HALF, std::vector<uint16_t>{0xfe00}), 0);
  EXPECT_EQ(Find(TF_BFLOAT16, std::vector<uint16_t>{0x7f7f, 0xff7f, 0xffc0}), 2);
  EXPECT_EQ(Find(TF_BFLOAT16, std::vector<uint16_t>{0x7f80}), 0);
  EXPECT_EQ(Find(TF_INT32, std::vector<int32_t>{-1}), -1);
}

TEST(FindNotFinite, ReadsFromAnyAddress) {
  std::vector<char> bytes(4 * 9);
  const float nan = NAN;
  std::memcpy(bytes.data() + 1 + 4 * 3, &nan, 4);
  EXPECT_EQ(FindNotFinite(TF_FLOAT, bytes.data() + 1, 8), 3);
}

}  // namespace
}  // namespace ke::runtime
