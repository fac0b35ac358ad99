// Loops with independent turns: when turns overlap, and when not.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/make_strategy.h"
#include "control/run_control.h"
#include "runtime/compiled_function.h"
#include "tensorflow/own_op.h"
#include "trace/loop.h"
#include "trace/trace.h"

namespace ke {
namespace {

using control::RunControl;
using control::RunningShard;
using control::ShardControl;
using graph::Scope;
using graph::Shape;
using runtime::CompiledFunction;
using runtime::Strategy;
using runtime::TensorRef;
using std::chrono::milliseconds;
using tf::C;

constexpr milliseconds kLong(20'000);  // the limit for an expected event
constexpr milliseconds kShort(5);      // the wait for an event that must not happen

// Every turn of a loop is in the room while the turn is in progress. The room counts the turns.
class Room {
 public:
  // Resets the room. A turn that enters waits until `wanted` turns have been in the room at once, for at most
  // `patience`.
  void Open(int wanted, milliseconds patience) {
    const std::lock_guard<std::mutex> lock(mutex_);
    wanted_ = wanted;
    patience_ = patience;
    inside_ = most_ = entered_ = 0;
    threads_.clear();
  }
  void Enter() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++entered_;
    threads_.insert(std::this_thread::get_id());
    most_ = std::max(most_, ++inside_);
    changed_.notify_all();
    changed_.wait_for(lock, patience_, [&] { return most_ >= wanted_; });
  }
  void Leave() {
    const std::lock_guard<std::mutex> lock(mutex_);
    --inside_;
    changed_.notify_all();
  }
  // Waits until `most` turns have been in the room at once.
  bool AwaitMost(int most) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, kLong, [&] { return most_ >= most; });
  }
  // Resets the maximum after `more` further turns have entered.
  bool ForgetAfter(int more) {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool came =
        changed_.wait_for(lock, kLong, [&, until = entered_ + more] { return entered_ >= until; });
    most_ = inside_;
    return came;
  }
  int most() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return most_;
  }
  // Returns the threads of all turns that have entered.
  std::set<std::thread::id> threads() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return threads_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int wanted_ = 1;
  milliseconds patience_{0};
  int inside_ = 0;
  int most_ = 0;
  int entered_ = 0;
  std::set<std::thread::id> threads_;
};

Room& TheRoom() {
  static Room room;
  return room;
}

template <void (Room::*visit)()>
void Visit(void*, TF_OpKernelContext* context) noexcept {
  tf::GuardedKernel(nullptr, context, [&] {
    (TheRoom().*visit)();
    tf::SetKernelOutput(context, tf::KernelInput(context, 0));
  });
}

// Ops that return their input, an int32, after entering or leaving the room.
const std::string& RoomOp(bool enter) {
  static const auto& names =
      *new std::pair<std::string, std::string>(tf::OwnOpName("TestEnter"), tf::OwnOpName("TestLeave"));
  static std::once_flag once;
  std::call_once(once, [] {
    const auto create = +[](TF_OpKernelConstruction*) -> void* { return nullptr; };
    const auto destroy = +[](void*) {};
    tf::RegisterOwnOp({names.first,
                       {"x: int32"},
                       "y: int32",
                       {},
                       tf::InferFirstInput,
                       create,
                       Visit<&Room::Enter>,
                       destroy});
    tf::RegisterOwnOp({names.second,
                       {"x: int32"},
                       "y: int32",
                       {},
                       tf::InferFirstInput,
                       create,
                       Visit<&Room::Leave>,
                       destroy});
  });
  return enter ? names.first : names.second;
}

// Returns 10 i, computed in the room.
TF_Output InRoom(Scope* body, TF_Output i) {
  const TF_Output entered = body->Op(RoomOp(true)).In(i).Out();
  const TF_Output ten = body->Op("Mul").In(entered).In(body->Const(10)).Out();
  return body->Op(RoomOp(false)).In(ten).Out();
}

using Turn = std::function<TF_Output(Scope* body, TF_Output i)>;

// Returns a function of an int32 scalar, the number of turns of a loop. The function returns the results of
// the turns.
std::shared_ptr<CompiledFunction> Build(int at_once, const Turn& turn, int intra_op = 1) {
  auto scope = std::make_unique<Scope>();
  scope->AllowTurnsAtOnce(at_once);
  const TF_Output turns = scope->Placeholder(TF_INT32, Shape::Of({}), "turns");
  const TF_Output stacked = trace::AddStackingLoop(scope.get(), turns, turn);
  return CompiledFunction::Build(std::move(scope), {turns}, {stacked}, {intra_op, 2, at_once});
}

struct Outcome {
  TF_Code code = TF_OK;
  std::vector<int32_t> values;
};

std::future<Outcome> Start(const std::shared_ptr<CompiledFunction>& function, Strategy* strategy,
                           int32_t turns, std::shared_ptr<RunControl> control = nullptr) {
  TensorRef feed = runtime::Tensor::Allocate(TF_INT32, {});
  *static_cast<int32_t*>(feed->data()) = turns;
  auto promise = std::make_shared<std::promise<Outcome>>();
  function->Run(strategy, {feed}, {.control = std::move(control)},
                [promise](const std::vector<TensorRef>& outputs, const std::exception_ptr& error) {
                  Outcome outcome;
                  try {
                    if (error != nullptr) std::rethrow_exception(error);
                    const auto* values = static_cast<const int32_t*>(outputs[0]->data());
                    outcome.values.assign(values, values + C().TF_TensorElementCount(outputs[0]->handle()));
                  } catch (const tf::Error& e) {
                    outcome.code = e.code();
                  }
                  promise->set_value(std::move(outcome));
                });
  return promise->get_future();
}

std::vector<int32_t> Tens(int32_t turns) {
  std::vector<int32_t> values(turns);
  for (int32_t i = 0; i < turns; ++i) values[i] = 10 * i;
  return values;
}

// A shard that runs for the lifetime of this object.
class OtherShard {
 public:
  explicit OtherShard(Strategy* strategy) {
    strategy->Submit(std::make_shared<Job>(&begun_, end_.get_future().share(), &ended_));
    thread = begun_.get_future().get();
  }
  ~OtherShard() {
    end_.set_value();
    ended_.get_future().wait();
  }

  std::thread::id thread;

 private:
  class Job : public runtime::ShardedJob {
   public:
    Job(std::promise<std::thread::id>* begun, std::shared_future<void> end, std::promise<void>* ended)
        : ShardedJob(1, nullptr), begun_(begun), end_(std::move(end)), ended_(ended) {}

   protected:
    void RunShards(const runtime::Shards&, runtime::Replica&, control::ShardControl*) override {
      begun_->set_value(std::this_thread::get_id());
      end_.wait();
    }
    void Finish(std::exception_ptr) noexcept override { ended_->set_value(); }

   private:
    std::promise<std::thread::id>* const begun_;
    const std::shared_future<void> end_;
    std::promise<void>* const ended_;
  };

  std::promise<std::thread::id> begun_;
  std::promise<void> end_;
  std::promise<void> ended_;
};

TEST(TurnsAtOnce, TurnsOfAShardThatIsAloneOverlap) {
  // With one op thread, and with two, for which the session has a pool of its own.
  for (const int intra_op : {1, 2}) {
    const auto function = Build(2, InRoom, intra_op);
    Strategy strategy(2);
    TheRoom().Open(2, kLong);
    const auto control = std::make_shared<RunControl>();
    EXPECT_EQ(Start(function, &strategy, 10, control).get().values, Tens(10));
    EXPECT_EQ(TheRoom().most(), 2);
    EXPECT_EQ(control->progress().done, 10);
    EXPECT_EQ(control->progress().total, 10);
  }
}

TEST(TurnsAtOnce, TurnsOfAShardBesideOthersRunInOrderInItsCallersThread) {
  const auto function = Build(2, InRoom);
  Strategy strategy(2);
  const OtherShard other(&strategy);
  TheRoom().Open(2, kShort);
  EXPECT_EQ(Start(function, &strategy, 10).get().values, Tens(10));
  EXPECT_EQ(TheRoom().most(), 1);
  EXPECT_EQ(TheRoom().threads().size(), 1U);
}

TEST(TurnsAtOnce, TurnsDoNotOverlapWhileAnotherShardRuns) {
  const auto function = Build(2, InRoom);
  Strategy strategy(2);
  TheRoom().Open(2, kShort);
  const auto control = std::make_shared<RunControl>();
  auto run = Start(function, &strategy, 1'000'000, control);
  EXPECT_TRUE(TheRoom().AwaitMost(2));
  {
    const OtherShard other(&strategy);
    EXPECT_TRUE(TheRoom().ForgetAfter(4));  // the turns that had begun
    EXPECT_TRUE(TheRoom().ForgetAfter(10) && TheRoom().most() <= 1);
  }
  EXPECT_TRUE(TheRoom().AwaitMost(2));
  control->Cancel();
  ASSERT_EQ(run.wait_for(kLong), std::future_status::ready);
  EXPECT_EQ(run.get().code, TF_CANCELLED);
}

TEST(TurnsAtOnce, AShortRunStaysInItsCallersThread) {
  const auto function = Build(2, InRoom);
  Strategy strategy(1);
  const std::thread::id caller = OtherShard(&strategy).thread;
  // A run may take long because it was interrupted, so the test tries again.
  const auto end = std::chrono::steady_clock::now() + kLong;
  do {
    TheRoom().Open(1, milliseconds(0));
    EXPECT_EQ(Start(function, &strategy, 2).get().values, Tens(2));
  } while (TheRoom().threads() != std::set<std::thread::id>{caller} &&
           std::chrono::steady_clock::now() < end);
  EXPECT_EQ(TheRoom().threads(), std::set<std::thread::id>{caller});
  // After a long run, the next run spreads over other threads.
  TheRoom().Open(2, kShort);
  EXPECT_EQ(Start(function, &strategy, 2).get().values, Tens(2));
  TheRoom().Open(2, kLong);
  EXPECT_EQ(Start(function, &strategy, 2).get().values, Tens(2));
  EXPECT_EQ(TheRoom().most(), 2);
}

TEST(TurnsAtOnce, ATurnCountsWhenItHasEnded) {
  const auto function = Build(3, InRoom);
  Strategy strategy(3);
  TheRoom().Open(4, milliseconds(300));  // the fourth turn never comes
  const auto control = std::make_shared<RunControl>();
  auto run = Start(function, &strategy, 3, control);
  EXPECT_TRUE(TheRoom().AwaitMost(3));
  EXPECT_EQ(control->progress().done, 0);
  EXPECT_EQ(control->progress().total, 3);
  EXPECT_EQ(run.get().values, Tens(3));
  EXPECT_EQ(control->progress().done, 3);
}

TEST(TurnsAtOnce, TurnsOfAnInnerLoopDoNotOverlap) {
  const auto function = Build(4, [](Scope* body, TF_Output i) {
    const TF_Output inner = trace::AddStackingLoop(body, body->Const(4), InRoom);
    const TF_Output sum = body->Op("Sum").In(inner).In(body->Const(std::vector<int32_t>{0})).Out();
    return body->Op("AddV2").In(sum).In(i).Out();
  });
  Strategy strategy(4);
  TheRoom().Open(3, kShort);
  EXPECT_EQ(Start(function, &strategy, 2).get().values, (std::vector<int32_t>{60, 61}));
  EXPECT_LE(TheRoom().most(), 2);
}

TEST(TurnsAtOnce, TurnsMayReturnTheirIndex) {
  const auto function = Build(2, [](Scope*, TF_Output i) { return i; });
  Strategy strategy(2);
  std::vector<int32_t> expected(5000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(Start(function, &strategy, 5000).get().values, expected);
  EXPECT_EQ(Start(function, &strategy, 0).get().values, std::vector<int32_t>());
}

TEST(TurnsAtOnce, ATurnThatFailsFailsTheRun) {
  const auto function = Build(2, [](Scope* body, TF_Output i) {
    // An index out of range in turn 5.
    return body->Op("GatherV2")
        .In(body->Const(std::vector<int32_t>{0, 1, 2, 3, 4}))
        .In(i)
        .In(body->Const(0))
        .Out();
  });
  Strategy strategy(2);
  EXPECT_EQ(Start(function, &strategy, 100).get().code, TF_INVALID_ARGUMENT);
  EXPECT_EQ(Start(function, &strategy, 5).get().values, (std::vector<int32_t>{0, 1, 2, 3, 4}));
}

TEST(TurnsAtOnce, DoNotOverlapWithNumericsChecksOrInAPortableGraph) {
  const std::shared_ptr<trace::Trace> trace = trace::Trace::Create();
  const trace::Symbol turns = trace->Placeholder(TF_INT32, Shape::Of({}), "turns");
  const trace::Trace::Stack stack = trace->BeginStack(turns.id);
  trace::SymbolId value = stack.index.id;
  for (const bool enter : {true, false}) value = stack.body->Op(RoomOp(enter), {value}, {})[0].id;
  const trace::Symbol stacked = trace->EndStack(stack.body, value);
  const auto most = [&](const CompiledFunction::Options& options, milliseconds patience) {
    const auto function = CompiledFunction::Compile(*trace, {stacked.id}, options);
    Strategy strategy(2);
    TheRoom().Open(2, patience);
    EXPECT_EQ(Start(function, &strategy, 4).get().values, (std::vector<int32_t>{0, 1, 2, 3}));
    return TheRoom().most();
  };
  EXPECT_EQ(most({{1, 2, 2}, false}, kLong), 2);
  EXPECT_EQ(most({{1, 2, 1}, false}, kShort), 1);
  EXPECT_EQ(most({{1, 2, 2, true}, false}, kShort), 1);
  EXPECT_EQ(most({{1, 2, 2}, true}, kShort), 1);
}

TEST(RunningShard, OverlapsIfItSpreadsAndIsAlone) {
  RunControl run;
  ShardControl control(&run);
  const RunningShard in_caller(&control);
  const RunningShard spread(&control, true);
  EXPECT_FALSE(spread.overlaps());
  control.SetAlone(true);
  EXPECT_TRUE(spread.overlaps());
  EXPECT_FALSE(in_caller.overlaps());
  control.SetAlone(false);
  EXPECT_FALSE(spread.overlaps());
}

TEST(Strategy, TurnsAtOnceCountOnlyThisProcessAndItsCpu) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  EXPECT_EQ(Strategy(1).TurnsAtOnce(), 1);
  EXPECT_EQ(Strategy(2).TurnsAtOnce(), std::min(2, cores));
  EXPECT_EQ(Strategy(1024).TurnsAtOnce(), cores);
  EXPECT_EQ(runtime::MakeStrategy(runtime::StrategyOptions{{{{"", "/device:GPU:0", 4}}}}).TurnsAtOnce(), 1);
  EXPECT_EQ(runtime::MakeStrategy(runtime::StrategyOptions{{{{"grpc://127.0.0.1:1", "", 4}}}}).TurnsAtOnce(),
            1);
}

}  // namespace
}  // namespace ke
