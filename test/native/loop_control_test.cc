// Cancellation and progress inside one run: the effects of a loop's gate.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/loop_ops.h"
#include "control/run_control.h"
#include "control/while_loop.h"
#include "run_graph.h"
#include "runtime/compiled_function.h"
#include "runtime/strategy.h"
#include "trace/loop.h"

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

// A number of turns that takes minutes: a run of this length ends only by cancellation.
constexpr int32_t kEndless = 100'000'000;
constexpr TF_Output kNone = {nullptr, 0};

// While i < turns: i = i + step(body, i). Returns the last i.
TF_Output Count(Scope* scope, int32_t turns, TF_Output count,
                const std::function<TF_Output(Scope* body, TF_Output i)>& step) {
  Scope condition(scope);
  const TF_Output i = condition.Placeholder(TF_INT32, Shape::Of({}), "i");
  const TF_Output more = condition.Op("Less").In(i).In(condition.Const(turns)).Out();
  Scope body(scope);
  const TF_Output j = body.Placeholder(TF_INT32, Shape::Of({}), "i");
  const TF_Output next = body.Op("AddV2").In(j).In(step(&body, j)).Out();
  return control::AddWhile(scope, &condition, {i}, more, &body, {j}, {next}, {scope->Const(0)}, {count})[0];
}

TF_Output One(Scope* body, TF_Output) { return body->Const(1); }

// Returns 1, after `turns` turns of a loop inside the body.
std::function<TF_Output(Scope*, TF_Output)> OneAfter(int32_t turns, bool counted) {
  return [=](Scope* body, TF_Output) {
    const TF_Output last = Count(body, turns, counted ? body->Const(turns) : kNone, One);
    return body->Op("Minimum").In(last).In(body->Const(1)).Out();
  };
}

// Returns a function of rows x (N): x plus the result of `loops`, an int32 scalar.
std::shared_ptr<CompiledFunction> Build(const std::function<TF_Output(Scope*)>& loops,
                                        runtime::SessionConfig config = {1, 2}) {
  auto scope = std::make_unique<Scope>();
  const TF_Output x = scope->Placeholder(TF_INT32, Shape::Of({-1}), "x");
  const TF_Output sum = scope->Op("AddV2").In(x).In(loops(scope.get())).Out();
  return CompiledFunction::Build(std::move(scope), {x}, {sum}, config);
}

// Returns a function with one loop that announces its `turns` turns.
std::shared_ptr<CompiledFunction> BuildLoop(int32_t turns, runtime::SessionConfig config = {1, 2}) {
  return Build([=](Scope* scope) { return Count(scope, turns, scope->Const(turns), One); }, config);
}

TensorRef Zeros(int64_t rows) {
  TensorRef tensor = runtime::Tensor::Allocate(TF_INT32, {rows});
  std::fill_n(static_cast<int32_t*>(tensor->data()), rows, 0);
  return tensor;
}

struct Outcome {
  TF_Code code = TF_OK;
  std::vector<int32_t> values;
};

std::future<Outcome> Start(const std::shared_ptr<CompiledFunction>& function, Strategy* strategy,
                           std::shared_ptr<RunControl> control, int64_t rows = 1) {
  auto promise = std::make_shared<std::promise<Outcome>>();
  const auto done = [promise](const std::vector<TensorRef>& outputs, const std::exception_ptr& error) {
    Outcome outcome;
    try {
      if (error != nullptr) std::rethrow_exception(error);
      const auto* values = static_cast<const int32_t*>(outputs[0]->data());
      outcome.values.assign(values, values + outputs[0]->rows());
    } catch (const tf::Error& e) {
      outcome.code = e.code();
    }
    promise->set_value(std::move(outcome));
  };
  function->Run(strategy, {Zeros(rows)}, {.control = std::move(control)}, done);
  return promise->get_future();
}

// Waits until `control` has counted `turns` turns.
void AwaitTurns(const RunControl& control, int64_t turns) {
  while (control.progress().done < turns) std::this_thread::yield();
}

void ExpectProgress(const RunControl& control, int64_t done, int64_t total) {
  const RunControl::Progress progress = control.progress();
  EXPECT_EQ(progress.done, done);
  EXPECT_EQ(progress.total, total);
}

TEST(RunControl, CountsTurnsWhenTheyHaveEnded) {
  RunControl control;
  control.Expect(1);
  ShardControl of_shard(&control);
  RunningShard shard(&of_shard);
  ExpectProgress(control, 0, 0);
  shard.Announce(2);
  const int loop = 0;
  shard.Turn(&loop, true);
  ExpectProgress(control, 0, 2);
  shard.Turn(&loop, true);
  ExpectProgress(control, 1, 2);
  shard.Turn(&loop, false);
  ExpectProgress(control, 2, 2);
}

TEST(RunControl, DistinguishesInterleavedLoops) {
  RunControl control;
  control.Expect(1);
  ShardControl of_shard(&control);
  RunningShard shard(&of_shard);
  const int loops[2] = {};
  for (const int& loop : loops) shard.Announce(1 + (&loop - loops));
  shard.Turn(&loops[0], true);
  shard.Turn(&loops[1], true);
  ExpectProgress(control, 0, 3);
  shard.Turn(&loops[1], true);
  shard.Turn(&loops[0], false);
  shard.Turn(&loops[1], false);
  ExpectProgress(control, 3, 3);
}

TEST(RunControl, AssumesThatSilentShardsAreAsLongAsTheOthers) {
  RunControl control;
  control.Expect(4);
  ShardControl of_first(&control);
  RunningShard first(&of_first);
  ShardControl of_second(&control);
  RunningShard second(&of_second);
  EXPECT_EQ(control.progress().total, 0);
  first.Announce(3);
  first.Announce(2);
  EXPECT_EQ(control.progress().total, 20);
  second.Announce(7);
  EXPECT_EQ(control.progress().total, 24);
}

TEST(RunControl, NeverReportsMoreTurnsDoneThanTotal) {
  RunControl control;
  control.Expect(1);
  ShardControl of_shard(&control);
  RunningShard shard(&of_shard);
  shard.Announce(-5);
  ExpectProgress(control, 0, 0);
  const int loop = 0;
  for (int turn = 0; turn < 4; ++turn) shard.Turn(&loop, true);
  ExpectProgress(control, 3, 3);
}

TEST(RunningShard, IsFoundOnlyWhileItRuns) {
  RunControl control;
  int32_t number = 0;
  {
    ShardControl of_shard(&control);
    RunningShard shard(&of_shard);
    ShardControl of_other(&control);
    RunningShard other(&of_other);
    number = shard.number();
    EXPECT_NE(number, 0);
    EXPECT_EQ(RunningShard::Find(number), &shard);
    EXPECT_EQ(RunningShard::Find(other.number()), &other);
  }
  EXPECT_EQ(RunningShard::Find(number), nullptr);
  EXPECT_EQ(RunningShard::Find(0), nullptr);
}

TEST(LoopControl, ProgressEndsAtTheTotal) {
  const auto function = BuildLoop(1000);
  Strategy strategy(2);
  const auto control = std::make_shared<RunControl>();
  const Outcome outcome = Start(function, &strategy, control).get();
  EXPECT_EQ(outcome.code, TF_OK);
  EXPECT_EQ(outcome.values, (std::vector<int32_t>{1000}));
  ExpectProgress(*control, 1000, 1000);
}

TEST(LoopControl, ACancelledLoopEndsSoon) {
  // With one op thread, runs compute in the caller's thread; with two, in the session's own threads.
  for (const int intra_op : {1, 2}) {
    const auto function = BuildLoop(kEndless, {intra_op, 2});
    Strategy strategy(2);
    for (int round = 0; round < 3; ++round) {
      const auto control = std::make_shared<RunControl>();
      auto future = Start(function, &strategy, control);
      AwaitTurns(*control, 10);
      EXPECT_EQ(control->progress().total, kEndless);
      control->Cancel();
      ASSERT_EQ(future.wait_for(std::chrono::seconds(20)), std::future_status::ready);
      EXPECT_EQ(future.get().code, TF_CANCELLED);
      EXPECT_LT(control->progress().done, kEndless);
    }
  }
}

TEST(LoopControl, ASessionRunsAgainAfterACancelledRun) {
  // The feed is the number of turns, so the same session has an endless run and a short run.
  auto scope = std::make_unique<Scope>();
  const TF_Output x = scope->Placeholder(TF_INT32, Shape::Of({}), "turns");
  const TF_Output stacked = trace::AddStackingLoop(scope.get(), x, [](Scope*, TF_Output i) { return i; });
  const auto function = CompiledFunction::Build(std::move(scope), {x}, {stacked}, {1, 1});
  Strategy strategy(1);
  const auto run = [&](int32_t turns, std::shared_ptr<RunControl> control) {
    TensorRef feed = runtime::Tensor::Allocate(TF_INT32, {});
    *static_cast<int32_t*>(feed->data()) = turns;
    auto code = std::make_shared<std::promise<TF_Code>>();
    function->Run(&strategy, {feed}, {.control = std::move(control)},
                  [code](const std::vector<TensorRef>&, const std::exception_ptr& error) {
                    try {
                      if (error != nullptr) std::rethrow_exception(error);
                      code->set_value(TF_OK);
                    } catch (const tf::Error& e) {
                      code->set_value(e.code());
                    }
                  });
    return code->get_future();
  };
  const auto cancelled = std::make_shared<RunControl>();
  auto first = run(3'000'000, cancelled);
  AwaitTurns(*cancelled, 1);
  cancelled->Cancel();
  EXPECT_EQ(first.get(), TF_CANCELLED);
  const auto control = std::make_shared<RunControl>();
  EXPECT_EQ(run(5, control).get(), TF_OK);
  ExpectProgress(*control, 5, 5);
}

TEST(LoopControl, CountsOnlyTheOutermostLoops) {
  const auto function = Build([](Scope* scope) {
    const TF_Output first = Count(scope, 3, scope->Const(3), OneAfter(50, true));
    const TF_Output second = Count(scope, 4, scope->Const(4), One);
    const TF_Output silent = Count(scope, 5, kNone, One);
    return scope->Op("AddV2").In(first).In(scope->Op("AddV2").In(second).In(silent).Out()).Out();
  });
  Strategy strategy(1);
  const auto control = std::make_shared<RunControl>();
  EXPECT_EQ(Start(function, &strategy, control).get().values, (std::vector<int32_t>{12}));
  ExpectProgress(*control, 7, 7);
}

TEST(LoopControl, CancelsALoopInsideALoop) {
  const auto function =
      Build([](Scope* scope) { return Count(scope, 2, scope->Const(2), OneAfter(kEndless, false)); });
  Strategy strategy(1);
  const auto control = std::make_shared<RunControl>();
  auto future = Start(function, &strategy, control);
  while (control->progress().total == 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  control->Cancel();
  ASSERT_EQ(future.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(future.get().code, TF_CANCELLED);
  EXPECT_EQ(control->progress().done, 0);
}

TEST(LoopControl, CancelsALoopWithoutAnAnnouncement) {
  const auto function = Build([](Scope* scope) { return Count(scope, kEndless, kNone, One); });
  Strategy strategy(1);
  const auto control = std::make_shared<RunControl>();
  auto future = Start(function, &strategy, control);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  control->Cancel();
  ASSERT_EQ(future.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(future.get().code, TF_CANCELLED);
  ExpectProgress(*control, 0, 0);
}

TEST(LoopControl, ConcurrentRunsDoNotAffectEachOther) {
  const auto endless = BuildLoop(kEndless);
  const auto function = BuildLoop(20'000);
  Strategy strategy(3);
  const auto cancelled = std::make_shared<RunControl>();
  auto doomed = Start(endless, &strategy, cancelled);
  AwaitTurns(*cancelled, 1);
  const auto first = std::make_shared<RunControl>();
  const auto second = std::make_shared<RunControl>();
  auto a = Start(function, &strategy, first);
  auto b = Start(function, &strategy, second);
  AwaitTurns(*second, 1);
  cancelled->Cancel();
  EXPECT_EQ(doomed.get().code, TF_CANCELLED);
  EXPECT_EQ(a.get().values, (std::vector<int32_t>{20'000}));
  EXPECT_EQ(b.get().values, (std::vector<int32_t>{20'000}));
  ExpectProgress(*first, 20'000, 20'000);
  ExpectProgress(*second, 20'000, 20'000);
}

TEST(LoopControl, SumsTheProgressOfABatchsShards) {
  const auto function = BuildLoop(5000);
  Strategy strategy(2);
  const auto control = std::make_shared<RunControl>();
  auto future = Start(function, &strategy, control, 6);
  AwaitTurns(*control, 1);
  int64_t last = 0;
  while (future.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
    const RunControl::Progress progress = control->progress();
    EXPECT_GE(progress.done, last);
    EXPECT_EQ(progress.total, 30'000);
    last = progress.done;
  }
  EXPECT_EQ(future.get().code, TF_OK);
  ExpectProgress(*control, 30'000, 30'000);
}

TEST(LoopControl, ALoopWithoutAShardRunsToItsEnd) {
  Strategy strategy(1);
  EXPECT_EQ(Start(BuildLoop(100), &strategy, nullptr).get().values, (std::vector<int32_t>{100}));
  // A session that feeds no shard number, and a session that feeds an unknown number.
  Scope scope;
  const TF_Output last = Count(&scope, 100, scope.Const(100), One);
  test::GraphRunner runner(scope);
  EXPECT_EQ(runner.RunOne({}, last), (std::vector<double>{100}));
  const tf::TensorPtr number = test::MakeTensor(TF_INT32, {}, {123456});
  EXPECT_EQ(runner.RunOne({{control::ShardNumber(&scope), number.get()}}, last), (std::vector<double>{100}));
}

TEST(LoopControl, OpsAreRegisteredOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([] { control::RegisterLoopOps(); });
  for (std::thread& thread : threads) thread.join();
  Strategy strategy(1);
  EXPECT_EQ(Start(BuildLoop(3), &strategy, nullptr).get().values, (std::vector<int32_t>{3}));
}

TEST(LoopControl, StoppingTheExecutorCancelsRunningLoops) {
  const auto function = BuildLoop(kEndless);
  Strategy strategy(1);
  const auto control = std::make_shared<RunControl>();
  auto future = Start(function, &strategy, control);
  AwaitTurns(*control, 1);
  strategy.Stop();
  EXPECT_EQ(future.get().code, TF_CANCELLED);
}

TEST(LoopControl, ALoopOfNoTurnsCountsNone) {
  const auto function = BuildLoop(0);
  Strategy strategy(1);
  const auto control = std::make_shared<RunControl>();
  EXPECT_EQ(Start(function, &strategy, control).get().values, (std::vector<int32_t>{0}));
  ExpectProgress(*control, 0, 0);
}

}  // namespace
}  // namespace ke
