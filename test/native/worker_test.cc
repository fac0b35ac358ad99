// Workers in real processes: their results, and the handling of workers that are killed, stopped, restarted,
// of another version, or gone.
#include "cluster/worker.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <future>
#include <memory>
#include <numeric>
#include <thread>

#include "cluster/make_strategy.h"
#include "control/while_loop.h"
#include "runtime/compiled_function.h"
#include "server_process.h"

namespace ke::runtime {
namespace {

using graph::Scope;
using graph::Shape;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::ServerProcess;
using Clock = std::chrono::steady_clock;
using State = ReplicaStatus::State;

constexpr int kWidth = 200;

TensorRef Floats(const std::vector<int64_t>& dims) {
  TensorRef tensor = Tensor::Allocate(TF_FLOAT, dims);
  auto* values = static_cast<float*>(tensor->data());
  for (size_t i = 0; i < tensor->bytes() / sizeof(float); ++i) values[i] = static_cast<float>(i % 97) / 97;
  return tensor;
}

std::vector<float> Values(const TensorRef& tensor) {
  const auto* values = static_cast<const float*>(tensor->data());
  return {values, values + tensor->bytes() / sizeof(float)};
}

// Returns a function that multiplies x (N, kWidth) by a weight, in a loop of `turns` products. Workers keep
// the weight under `name`.
std::shared_ptr<CompiledFunction> Product(const std::string& name, bool portable = true, int32_t turns = 1) {
  auto scope = std::make_unique<Scope>();
  if (portable) scope->MakePortable();
  const std::shared_ptr<TF_Tensor> value = [] {
    tf::TensorPtr tensor = tf::AllocateTensor(TF_FLOAT, {kWidth, kWidth});
    auto* values = static_cast<float*>(tf::C().TF_TensorData(tensor.get()));
    for (int i = 0; i < kWidth * kWidth; ++i) values[i] = static_cast<float>(i % 31 - 15) / 200;
    return tensor;
  }();
  const TF_Output x = scope->Placeholder(TF_FLOAT, Shape::Of({-1, kWidth}), "x");
  const TF_Output weight = scope->SharedWeight(value.get(), value, true, "weights/w", name + "/w");

  Scope condition(scope.get());
  const TF_Output i = condition.Placeholder(TF_INT32, Shape::Of({}), "i");
  const TF_Output last = condition.Placeholder(TF_FLOAT, Shape::Of({-1, kWidth}), "last");
  const TF_Output more = condition.Op("Less").In(i).In(condition.Const(turns)).Out();
  Scope body(scope.get());
  const TF_Output j = body.Placeholder(TF_INT32, Shape::Of({}), "j");
  const TF_Output y = body.Placeholder(TF_FLOAT, Shape::Of({-1, kWidth}), "y");
  const TF_Output next = body.Op("AddV2").In(j).In(body.Const(1)).Out();
  const TF_Output product = body.Op("MatMul").In(y).In(weight).Out();
  const std::vector<TF_Output> final = control::AddWhile(scope.get(), &condition, {i, last}, more, &body,
                                                         {j, y}, {next, product}, {scope->Const(0), x}, {});
  return CompiledFunction::Build(std::move(scope), {x}, {final[1]}, {});
}

StrategyOptions Workers(const std::vector<const ServerProcess*>& servers, int timeout_ms = 10000,
                        int retries = 3) {
  StrategyOptions options;
  for (const ServerProcess* server : servers) options.replicas.push_back({{server->target(), "", 1}});
  options.timeout_ms = timeout_ms;
  options.retries = retries;
  options.package = test::kPackage;
  return options;
}

struct Outcome {
  std::vector<float> values;
  TF_Code code = TF_OK;
  std::string message;
  std::string worker;
  int64_t row = 0;
  int64_t rows = 0;
  int attempts = 0;
};

std::future<Outcome> Start(Strategy* strategy, const std::shared_ptr<CompiledFunction>& function,
                           int64_t rows, control::RunControlRef control = nullptr) {
  auto promise = std::make_shared<std::promise<Outcome>>();
  function->Run(strategy, {Floats({rows, kWidth})}, {.shard_size = 2, .control = std::move(control)},
                [promise](const std::vector<TensorRef>& outputs, const std::exception_ptr& error) {
                  Outcome outcome;
                  try {
                    if (error != nullptr) std::rethrow_exception(error);
                    outcome.values = Values(outputs[0]);
                  } catch (const WorkerError& e) {
                    outcome = {{},          e.code(),     e.what(),        e.facts.worker,
                               e.facts.row, e.facts.rows, e.facts.attempts};
                  } catch (const tf::Error& e) {
                    outcome = {{}, e.code(), e.what()};
                  }
                  promise->set_value(std::move(outcome));
                });
  return promise->get_future();
}

void ExpectSame(const Outcome& outcome, const std::vector<float>& expected) {
  ASSERT_EQ(outcome.code, TF_OK) << outcome.message;
  ASSERT_EQ(outcome.values.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(outcome.values[i], expected[i], 1e-5) << i;
}

std::vector<float> Locally(int64_t rows, int32_t turns = 1) {
  Strategy strategy(1);
  return Start(&strategy, Product("local", false, turns), rows).get().values;
}

bool Becomes(const Strategy& strategy, size_t replica, State state, milliseconds within = seconds(8)) {
  for (const auto end = Clock::now() + within; Clock::now() < end;) {
    if (strategy.status()[replica].state == state) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return false;
}

size_t Uploaded(const Strategy& strategy) {
  return dynamic_cast<const Worker&>(*strategy.replicas()[0]).uploaded();
}

// A number of turns that takes some 10 to 20 s.
constexpr int32_t kLong = 2000000;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class WorkerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    one_ = new ServerProcess();
    two_ = new ServerProcess();
  }
  static void TearDownTestSuite() {
    delete one_;
    delete two_;
  }

  static ServerProcess* one_;
  static ServerProcess* two_;
};
ServerProcess* WorkerTest::one_ = nullptr;
ServerProcess* WorkerTest::two_ = nullptr;

TEST_F(WorkerTest, ReturnTheSameResultsAsThisProcess) {
  Strategy strategy = MakeStrategy(Workers({one_, two_}));
  ExpectSame(Start(&strategy, Product("equal"), 25).get(), Locally(25));
  ASSERT_TRUE(Becomes(strategy, 0, State::kUp) && Becomes(strategy, 1, State::kUp));
  const auto again = Product("equal", true, 30);
  ExpectSame(Start(&strategy, again, 64).get(), Locally(64, 30));
  EXPECT_GT(strategy.status()[0].shards, 0);
  EXPECT_GT(strategy.status()[1].shards, 0);
  EXPECT_EQ(strategy.status()[0].failures + strategy.status()[1].failures, 0);
}

TEST_F(WorkerTest, ComputeOnTheRequestedDevice) {
  StrategyOptions options = Workers({one_});
  options.replicas[0].placement.device = "/device:CPU:1";
  Strategy strategy = MakeStrategy(options);
  ExpectSame(Start(&strategy, Product("device"), 5).get(), Locally(5));
}

TEST_F(WorkerTest, AreRefusedIfTheyLackTheDevice) {
  StrategyOptions options = Workers({one_});
  options.replicas[0].placement.device = "/device:GPU:0";
  Strategy strategy = MakeStrategy(options);
  const Outcome outcome = Start(&strategy, Product("no device"), 2).get();
  EXPECT_EQ(outcome.code, TF_FAILED_PRECONDITION);
  EXPECT_NE(outcome.message.find("it has no /device:GPU:0, but /device:CPU:0, /device:CPU:1"),
            std::string::npos)
      << outcome.message;
}

TEST_F(WorkerTest, ReceiveEachWeightOnce) {
  const size_t bytes = size_t{kWidth} * kWidth * sizeof(float);
  Strategy first = MakeStrategy(Workers({one_}));
  for (int i = 0; i < 3; ++i)
    ExpectSame(Start(&first, Product("once", true, i + 1), 3).get(), Locally(3, i + 1));
  EXPECT_EQ(Uploaded(first), bytes);
  Strategy second = MakeStrategy(Workers({one_}));
  ExpectSame(Start(&second, Product("once"), 3).get(), Locally(3));
  EXPECT_EQ(Uploaded(second), 0U);
  ExpectSame(Start(&second, Product("another"), 3).get(), Locally(3));
  EXPECT_EQ(Uploaded(second), bytes);
}

TEST_F(WorkerTest, ServeTwoClientsAtOnce) {
  Strategy first = MakeStrategy(Workers({one_, two_}));
  Strategy second = MakeStrategy(Workers({two_, one_}));
  const auto function = Product("clients", true, 50);
  const std::vector<float> expected = Locally(40, 50);
  std::vector<std::future<Outcome>> runs;
  for (int i = 0; i < 6; ++i) runs.push_back(Start(i % 2 == 0 ? &first : &second, function, 40));
  for (std::future<Outcome>& run : runs) ExpectSame(run.get(), expected);
}

TEST_F(WorkerTest, StopALongLoopWhenItIsCancelled) {
  Strategy strategy = MakeStrategy(Workers({one_}));
  ExpectSame(Start(&strategy, Product("cancel"), 2).get(), Locally(2));
  const auto function = Product("cancel", true, kLong);
  const auto control = std::make_shared<control::RunControl>();
  auto run = Start(&strategy, function, 2, control);
  EXPECT_EQ(run.wait_for(milliseconds(1200)), std::future_status::timeout);
  Clock::time_point begin = Clock::now();
  control->Cancel();
  EXPECT_EQ(run.get().code, TF_CANCELLED);
  EXPECT_LT(SecondsSince(begin), 1);
  // The worker has also stopped computing: both of its threads are free.
  begin = Clock::now();
  ExpectSame(Start(&strategy, Product("cancel"), 8).get(), Locally(8));
  EXPECT_LT(SecondsSince(begin), 4);
}

TEST_F(WorkerTest, RetryARunThatACancelledRunInterrupted) {
  StrategyOptions options = Workers({one_});
  options.replicas[0].placement.callers = 2;
  options.retries = 0;
  Strategy strategy = MakeStrategy(options);
  const auto function = Product("together", true, 60000);  // about half a second
  const auto control = std::make_shared<control::RunControl>();
  auto cancelled = Start(&strategy, function, 2, control);
  auto kept = Start(&strategy, function, 2);
  EXPECT_EQ(cancelled.wait_for(milliseconds(300)), std::future_status::timeout);
  control->Cancel();
  EXPECT_EQ(cancelled.get().code, TF_CANCELLED);
  const Outcome outcome = kept.get();
  EXPECT_EQ(outcome.code, TF_OK) << outcome.message;
}

TEST_F(WorkerTest, AreAbandonedAtOnceWhenAStrategyStops) {
  Strategy strategy = MakeStrategy(Workers({one_}));
  auto run = Start(&strategy, Product("close", true, kLong), 2);
  ASSERT_TRUE(Becomes(strategy, 0, State::kUp));
  std::this_thread::sleep_for(milliseconds(500));
  const Clock::time_point begin = Clock::now();
  strategy.Stop();
  EXPECT_LT(SecondsSince(begin), 2);
  EXPECT_EQ(run.get().code, TF_CANCELLED);
}

TEST_F(WorkerTest, AreRefusedIfTheyHaveAnotherVersion) {
  StrategyOptions options = Workers({one_});
  options.package = "9.9.9";
  Strategy strategy = MakeStrategy(options);
  const Clock::time_point begin = Clock::now();
  const Outcome outcome = Start(&strategy, Product("version"), 2).get();
  EXPECT_LT(SecondsSince(begin), 4);
  EXPECT_EQ(outcome.code, TF_FAILED_PRECONDITION);
  EXPECT_NE(outcome.message.find("keras-explainable 1.2.3"), std::string::npos) << outcome.message;
  EXPECT_NE(outcome.message.find("9.9.9"), std::string::npos) << outcome.message;
  EXPECT_EQ(strategy.status()[0].state, State::kRefused);
}

TEST(Worker, PlainServersOfTensorFlowAreRefused) {
  const ServerProcess plain("plain");
  Strategy strategy = MakeStrategy(Workers({&plain}));
  const Outcome outcome = Start(&strategy, Product("plain"), 2).get();
  EXPECT_EQ(outcome.code, TF_FAILED_PRECONDITION);
  EXPECT_NE(outcome.message.find("no worker of keras-explainable"), std::string::npos) << outcome.message;
}

TEST(Worker, AKilledWorkerIsReplacedAndUsedAgainAfterItsRestart) {
  ServerProcess one;
  ServerProcess two;
  Strategy strategy = MakeStrategy(Workers({&one, &two}));
  const auto function = Product("kill", true, 2000);
  const std::vector<float> expected = Locally(60, 2000);
  ExpectSame(Start(&strategy, function, 60).get(), expected);
  ASSERT_TRUE(Becomes(strategy, 0, State::kUp) && Becomes(strategy, 1, State::kUp));

  auto run = Start(&strategy, function, 60);
  std::this_thread::sleep_for(milliseconds(100));
  const Clock::time_point begin = Clock::now();
  one.Kill();
  EXPECT_TRUE(Becomes(strategy, 0, State::kDown));
  EXPECT_LT(SecondsSince(begin), 4);
  ExpectSame(run.get(), expected);
  EXPECT_FALSE(strategy.status()[0].last_error.empty());

  one.Restart();
  EXPECT_TRUE(Becomes(strategy, 0, State::kUp));
  const int64_t before = strategy.status()[0].shards;
  ExpectSame(Start(&strategy, function, 60).get(), expected);
  EXPECT_GT(strategy.status()[0].shards, before);
}

TEST(Worker, AStoppedWorkerIsReplacedAndUsedAgainAfterItContinues) {
  ServerProcess one;
  ServerProcess two;
  Strategy strategy = MakeStrategy(Workers({&one, &two}, 1500));
  const auto function = Product("stop", true, 2000);
  const std::vector<float> expected = Locally(100, 2000);
  ExpectSame(Start(&strategy, function, 100).get(), expected);
  ASSERT_TRUE(Becomes(strategy, 0, State::kUp) && Becomes(strategy, 1, State::kUp));
  auto run = Start(&strategy, function, 100);
  one.Signal(SIGSTOP);
  ExpectSame(run.get(), expected);
  EXPECT_TRUE(Becomes(strategy, 0, State::kDown));
  one.Signal(SIGCONT);
  EXPECT_TRUE(Becomes(strategy, 0, State::kUp));
  ExpectSame(Start(&strategy, function, 100).get(), expected);
}

TEST(Worker, CallsToAStoppedWorkerTimeOutButRunsMayTakeLonger) {
  ServerProcess one;
  const auto function = Product("calls", true, kLong / 10);
  SessionConfig config;
  config.target = one.target();
  config.timeout_ms = 700;
  config.run_timeout_ms = 60000;
  const Session session(function->graph(), config);
  session.Initialize(function->initializers());
  const TensorRef x = Floats({20, kWidth});
  auto begin = Clock::now();
  EXPECT_EQ(session.Run({function->feeds()[0].tensor}, {x->handle()}, {function->fetches()[0].tensor}).size(),
            1);
  EXPECT_GT(SecondsSince(begin), 0.7);
  one.Signal(SIGSTOP);
  begin = Clock::now();
  session.Close();
  EXPECT_LT(SecondsSince(begin), 5);
}

TEST(Worker, ARunContinuesWhenTheOnlyWorkerComesBack) {
  ServerProcess one;
  Strategy strategy = MakeStrategy(Workers({&one}));
  const auto function = Product("back", true, 2000);
  const std::vector<float> expected = Locally(100, 2000);
  ASSERT_EQ(Start(&strategy, function, 2).get().code, TF_OK);
  auto run = Start(&strategy, function, 100);
  std::this_thread::sleep_for(milliseconds(50));
  one.Kill();
  one.Restart();
  ExpectSame(run.get(), expected);
}

TEST(Worker, ARunFailsWithTheNamesOfAllLostWorkers) {
  ServerProcess one;
  Strategy strategy = MakeStrategy(Workers({&one}, 1200));
  const auto function = Product("gone", true, kLong);
  auto run = Start(&strategy, function, 2);
  ASSERT_TRUE(Becomes(strategy, 0, State::kUp));
  std::this_thread::sleep_for(milliseconds(500));
  const Clock::time_point begin = Clock::now();
  one.Kill();
  Outcome outcome = run.get();
  EXPECT_EQ(outcome.code, TF_UNAVAILABLE);
  EXPECT_NE(outcome.message.find(one.address()), std::string::npos) << outcome.message;
  EXPECT_LT(SecondsSince(begin), 5);
  // Another run does not wait for longer either.
  outcome = Start(&strategy, function, 2).get();
  EXPECT_EQ(outcome.code, TF_UNAVAILABLE);
  EXPECT_LT(SecondsSince(begin), 8);
}

TEST(Worker, AShardThatIsLostTooOftenFailsWithTheWorkerAndTheSamples) {
  ServerProcess one;
  Strategy strategy = MakeStrategy(Workers({&one}, 10000, 0));
  const auto function = Product("often", true, kLong);
  auto run = Start(&strategy, function, 2);
  ASSERT_TRUE(Becomes(strategy, 0, State::kUp));
  std::this_thread::sleep_for(milliseconds(500));
  one.Kill();
  const Outcome outcome = run.get();
  EXPECT_EQ(outcome.code, TF_UNAVAILABLE);
  EXPECT_EQ(outcome.worker, one.address());
  EXPECT_EQ(outcome.row, 0);
  EXPECT_EQ(outcome.rows, 2);
  EXPECT_EQ(outcome.attempts, 1);
}

TEST(Worker, TheOtherWorkersAreAbandonedWhenOneIsLostTooOften) {
  ServerProcess one;
  ServerProcess two;
  Strategy strategy = MakeStrategy(Workers({&one, &two}, 10000, 0));
  ASSERT_EQ(Start(&strategy, Product("others"), 4).get().code, TF_OK);
  ASSERT_TRUE(Becomes(strategy, 0, State::kUp) && Becomes(strategy, 1, State::kUp));
  auto run = Start(&strategy, Product("others", true, kLong), 4);
  std::this_thread::sleep_for(milliseconds(1000));
  const Clock::time_point begin = Clock::now();
  two.Kill();
  EXPECT_EQ(run.get().worker, two.address());
  EXPECT_LT(SecondsSince(begin), 4);
}

TEST_F(WorkerTest, ReportHowManyThreadsTheyHave) {
  StrategyOptions options = Workers({one_, two_});
  options.replicas[0].placement.callers = 0;
  Strategy strategy = MakeStrategy(options);
  EXPECT_EQ(strategy.CallersOr(7), 8);
  ExpectSame(Start(&strategy, Product("threads"), 8).get(), Locally(8));
  ASSERT_TRUE(Becomes(strategy, 0, State::kUp));
  EXPECT_EQ(strategy.CallersOr(7), 3);
  options.replicas[0].placement = {};
  options.replicas[0].placement.callers = 0;
  EXPECT_THROW(MakeStrategy(options), tf::Error);
}

TEST(Worker, ARunFailsIfNoWorkerHasEverAnswered) {
  StrategyOptions options;
  options.replicas.push_back({{"grpc://localhost:" + std::to_string(test::FreePort()), "", 1}});
  options.timeout_ms = 700;
  Strategy strategy = MakeStrategy(options);
  const Clock::time_point begin = Clock::now();
  const Outcome outcome = Start(&strategy, Product("nobody"), 2).get();
  EXPECT_EQ(outcome.code, TF_UNAVAILABLE);
  EXPECT_NE(outcome.message.find("refused"), std::string::npos) << outcome.message;
  EXPECT_LT(SecondsSince(begin), 3);
}

TEST(Worker, AddressesAreChecked) {
  for (const char* target :
       {"grpc://", "grpc://host", "host:", "grpc://host:port", ":1", "grpc://h:123456"}) {
    StrategyOptions options;
    options.replicas.push_back({{target, "", 1}});
    EXPECT_THROW(MakeStrategy(options), tf::Error) << target;
  }
  EXPECT_EQ(ParseAddress("grpc://[::1]:80").host, "::1");
  EXPECT_THROW(MakeStrategy(StrategyOptions{}), tf::Error);
}

}  // namespace
}  // namespace ke::runtime
