// Compiled functions: memory shared with TensorFlow, shards in order, and runs that fail or are cancelled.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <numeric>
#include <thread>

#include "runtime/compiled_function.h"
#include "runtime/memory.h"
#include "runtime/strategy.h"
#include "tensorflow/dtype.h"
#include "tensorflow/node_name.h"

namespace ke::runtime {
namespace {

using graph::Scope;
using graph::Shape;
using tf::C;

TensorRef Floats(const std::vector<int64_t>& dims, float first = 0) {
  TensorRef tensor = Tensor::Allocate(TF_FLOAT, dims);
  auto* values = static_cast<float*>(tensor->data());
  std::iota(values, values + tensor->bytes() / sizeof(float), first);
  return tensor;
}

std::vector<float> Values(const TensorRef& tensor) {
  const auto* values = static_cast<const float*>(tensor->data());
  return {values, values + tensor->bytes() / sizeof(float)};
}

struct Outcome {
  std::vector<TensorRef> outputs;
  std::exception_ptr error;

  // Returns the code of the tf::Error, or TF_OK.
  TF_Code code(std::string* message = nullptr) const {
    if (error == nullptr) return TF_OK;
    try {
      std::rethrow_exception(error);
    } catch (const tf::Error& e) {
      if (message != nullptr) *message = e.what();
      return e.code();
    }
  }
};

std::future<Outcome> Start(CompiledFunction* function, Strategy* strategy, std::vector<TensorRef> feeds,
                           int64_t shard_size, control::RunControlRef control = nullptr) {
  auto promise = std::make_shared<std::promise<Outcome>>();
  function->Run(strategy, {feeds.begin(), feeds.end()},
                {.shard_size = shard_size, .control = std::move(control)},
                [promise](std::vector<TensorRef> outputs, std::exception_ptr error) {
                  promise->set_value({std::move(outputs), error});
                });
  return promise->get_future();
}

using Body = std::function<std::vector<TF_Output>(Scope*, const std::vector<TF_Output>&)>;

std::shared_ptr<CompiledFunction> Build(const std::vector<Shape>& shapes, const Body& body, int replicas = 2,
                                        TF_DataType dtype = TF_FLOAT) {
  auto scope = std::make_unique<Scope>();
  std::vector<TF_Output> feeds;
  for (const Shape& shape : shapes) feeds.push_back(scope->Placeholder(dtype, shape, "x"));
  const std::vector<TF_Output> fetches = body(scope.get(), feeds);
  return CompiledFunction::Build(std::move(scope), feeds, fetches, {1, replicas});
}

std::vector<TF_Output> Doubled(Scope* scope, const std::vector<TF_Output>& x) {
  return {scope->Op("AddV2").In(x[0]).In(x[0]).Out()};
}

// A matrix product that takes about 20 ms for 4 rows of 1500.
std::vector<TF_Output> Slow(Scope* scope, const std::vector<TF_Output>& x) {
  const TF_Output zeros = scope->Op("Fill")
                              .In(scope->Const(std::vector<int32_t>{1500, 1500}))
                              .In(scope->Scalar(TF_FLOAT, 1e-3))
                              .Out();
  TF_Output product = zeros;
  for (int i = 0; i < 2; ++i) product = scope->Op("MatMul").In(product).In(zeros).Out();
  return {scope->Op("MatMul").In(x[0]).In(product).Out()};
}

const Shape kRows4 = Shape::Of({-1, 4});

TEST(Tensor, IsAlignedAndWritable) {
  for (const int64_t rows : {1, 3, 1000}) {
    const TensorRef tensor = Floats({rows, 5});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->data()) % kAlignment, 0U);
    EXPECT_EQ(tensor->bytes(), static_cast<size_t>(rows) * 20);
    EXPECT_EQ(tensor->rows(), rows);
  }
}

TEST(Tensor, RefusesSizesThatCannotBeAllocated) {
  EXPECT_THROW(Tensor::Allocate(TF_STRING, {2}), tf::Error);
  EXPECT_THROW(Tensor::Allocate(TF_FLOAT, {-1}), tf::Error);
  EXPECT_THROW(Tensor::Allocate(TF_FLOAT, {int64_t{1} << 40, int64_t{1} << 40}), tf::Error);
}

// TensorFlow's TensorShape would end the process.
TEST(Tensor, RefusesShapesThatTensorFlowCannotHave) {
  EXPECT_THROW(Tensor::Allocate(TF_FLOAT, std::vector<int64_t>(255, 1)), tf::Error);
  EXPECT_THROW(Tensor::Allocate(TF_FLOAT, {int64_t{1} << 40, int64_t{1} << 40, 0}), tf::Error);
  EXPECT_EQ(Tensor::Allocate(TF_FLOAT, std::vector<int64_t>(254, 1))->bytes(), sizeof(float));
}

TEST(Tensor, FailsAtOnceIfThereIsNoMemory) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THROW(Tensor::Allocate(TF_FLOAT, {int64_t{1} << 50}), tf::Error);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

TEST(SliceRows, SharesAlignedRowsAndKeepsThemAlive) {
  TensorRef whole = Floats({4, 16});  // 64 bytes a row
  const auto before = ReadMemoryCounters().copied_in_bytes;
  const TensorRef slice = SliceRows(whole, 1, 3);
  EXPECT_EQ(static_cast<char*>(slice->data()), static_cast<char*>(whole->data()) + 64);
  EXPECT_EQ(ReadMemoryCounters().copied_in_bytes, before);
  EXPECT_EQ(whole.use_count(), 2);
  std::weak_ptr<Tensor> watch = whole;
  whole.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(Values(slice)[0], 16);
  EXPECT_EQ(Values(slice).size(), 32U);
}

TEST(SliceRows, ReleasesTheMemoryWithTheLastSlice) {
  TensorRef whole = Floats({4, 16});
  const std::weak_ptr<Tensor> watch = whole;
  TensorRef slice = SliceRows(whole, 2, 4);
  whole.reset();
  slice.reset();
  EXPECT_TRUE(watch.expired());
}

TEST(SliceRows, CopiesUnalignedRowsAndCountsThem) {
  const TensorRef whole = Floats({4, 5});
  const auto before = ReadMemoryCounters().copied_in_bytes;
  const TensorRef slice = SliceRows(whole, 1, 3);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(slice->data()) % kAlignment, 0U);
  EXPECT_EQ(ReadMemoryCounters().copied_in_bytes - before, 40);
  EXPECT_EQ(Values(slice), (std::vector<float>{5, 6, 7, 8, 9, 10, 11, 12, 13, 14}));
}

TEST(SliceRows, AcceptsEmptyRanges) {
  const TensorRef empty = Floats({0, 5});
  EXPECT_EQ(SliceRows(empty, 0, 0), empty);
  EXPECT_EQ(SliceRows(Floats({4, 16}), 2, 2)->bytes(), 0U);
}

// Bitcast passes on its input's buffer, so the address of the output is the address that TensorFlow received.
TEST(Session, ReadsFeedsWithoutACopy) {
  Scope scope;
  const TF_Output x = scope.Placeholder(TF_FLOAT, kRows4);
  const TF_Output y = scope.Op("Bitcast").In(x).AttrType("type", TF_INT32).Out();
  const Session session(scope.graph(), {});
  const TensorRef whole = Floats({8, 16});
  const TensorRef slice = SliceRows(whole, 3, 4);
  const auto outputs = session.Run({x}, {slice->handle()}, {y});
  EXPECT_EQ(C().TF_TensorData(outputs[0].get()), slice->data());
  EXPECT_EQ(static_cast<char*>(slice->data()), static_cast<char*>(whole->data()) + 3 * 64);
}

TEST(Session, NeverWritesIntoAFeed) {
  const auto function = Build({kRows4}, [](Scope* scope, const std::vector<TF_Output>& x) {
    return std::vector<TF_Output>{scope->Op("Relu").In(scope->Op("Neg").In(x[0]).Out()).Out()};
  });
  Strategy strategy(1);
  const TensorRef x = Floats({2, 4});
  EXPECT_EQ(Start(function.get(), &strategy, {x}, 8).get().code(), TF_OK);
  EXPECT_EQ(Values(x), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
}

// Subnormals are slow, and TensorFlow's own threads flush them.
TEST(Session, FlushesSubnormalsInTheCallersThreadDuringARun) {
  const float subnormal = 1e-40F;
  Scope scope;
  const TF_Output x = scope.Placeholder(TF_FLOAT, Shape::Of({}));
  const TF_Output y = scope.Op("Mul").In(x).In(scope.Scalar(TF_FLOAT, 0.5)).Out();
  const Session session(scope.graph(), {1, 1});
  const tf::TensorPtr value = tf::MakeTensor(TF_FLOAT, {}, &subnormal);
  const auto outputs = session.Run({x}, {value.get()}, {y});
  EXPECT_EQ(*static_cast<const float*>(C().TF_TensorData(outputs[0].get())), 0);
  volatile float half = subnormal;
  half = half * 0.5F;
  EXPECT_GT(half, 0);
}

TEST(Session, NamesTheNodeThatFailed) {
  EXPECT_EQ(tf::NodeNamedIn("a [[{{node outer/MatMul}}]] b"), "outer/MatMul");
  EXPECT_EQ(tf::NodeNamedIn("no node"), "");
  const auto function = Build({Shape::Unknown()}, [](Scope* scope, const std::vector<TF_Output>& x) {
    return std::vector<TF_Output>{
        scope->Op("Reshape", "badly").In(x[0]).In(scope->Const(std::vector<int32_t>{-1, 7})).Out()};
  });
  Strategy strategy(1);
  const Outcome outcome = Start(function.get(), &strategy, {Floats({2, 4})}, 8).get();
  ASSERT_EQ(outcome.code(), TF_INVALID_ARGUMENT);
  try {
    std::rethrow_exception(outcome.error);
  } catch (const tf::Error& error) {
    EXPECT_EQ(error.op(), "badly");
  }
}

TEST(CompiledFunction, JoinsShardsInOrder) {
  const auto function = Build({kRows4}, Doubled);
  Strategy strategy(2);
  for (const int64_t shard_size : {1, 2, 3, 7, 10, 100}) {
    const Outcome outcome = Start(function.get(), &strategy, {Floats({10, 4})}, shard_size).get();
    ASSERT_EQ(outcome.code(), TF_OK);
    ASSERT_EQ(outcome.outputs[0]->dims(), (std::vector<int64_t>{10, 4}));
    for (int i = 0; i < 40; ++i) EXPECT_EQ(Values(outcome.outputs[0])[i], 2 * i) << shard_size;
  }
}

TEST(CompiledFunction, ReturnsTheOutputOfASingleShardWithoutACopy) {
  const auto function = Build({kRows4}, Doubled);
  Strategy strategy(1);
  const auto before = ReadMemoryCounters();
  EXPECT_EQ(Start(function.get(), &strategy, {Floats({10, 4})}, 10).get().code(), TF_OK);
  EXPECT_EQ(ReadMemoryCounters().copied_out_bytes, before.copied_out_bytes);
  EXPECT_EQ(ReadMemoryCounters().copied_in_bytes, before.copied_in_bytes);
  EXPECT_EQ(Start(function.get(), &strategy, {Floats({10, 4})}, 5).get().code(), TF_OK);
  EXPECT_EQ(ReadMemoryCounters().copied_out_bytes - before.copied_out_bytes, 160);
}

TEST(CompiledFunction, GivesEveryOutputMemoryOfItsOwn) {
  const auto function = Build({Shape::Of({-1, 16})}, [](Scope* scope, const std::vector<TF_Output>& x) {
    const TF_Output sum = scope->Op("AddV2").In(x[0]).In(x[0]).Out();
    const TF_Output reshaped =
        scope->Op("Reshape").In(sum).In(scope->Const(std::vector<int32_t>{-1, 16})).Out();
    return std::vector<TF_Output>{x[0], sum, sum, reshaped};
  });
  Strategy strategy(1);
  const TensorRef x = Floats({3, 16});
  const Outcome outcome = Start(function.get(), &strategy, {x}, 8).get();
  std::string message;
  ASSERT_EQ(outcome.code(&message), TF_OK) << message;
  std::vector<TensorRef> all = outcome.outputs;
  all.push_back(x);
  for (size_t i = 0; i < all.size(); ++i) {
    std::memset(all[i]->data(), static_cast<int>(i + 1), all[i]->bytes());
  }
  for (size_t i = 0; i < all.size(); ++i) {
    const auto* bytes = static_cast<const char*>(all[i]->data());
    for (size_t b = 0; b < all[i]->bytes(); ++b) ASSERT_EQ(bytes[b], static_cast<char>(i + 1)) << i;
  }
}

// A slice shares its tensor's buffer. The constant is larger than the constants that constant folding
// replaces (10 MB).
TEST(CompiledFunction, CopiesSlicesOfFeedsAndConstants) {
  constexpr int64_t kColumns = 3 << 20;
  const TensorRef weights = Floats({2, kColumns}, 100);
  const auto function = Build({Shape::Of({2, 16})}, [&](Scope* scope, const std::vector<TF_Output>& x) {
    const auto halves = [&](TF_Output from) {
      return scope->Op("Split").In(scope->Const(int32_t{0})).In(from).AttrInt("num_split", 2).Outs();
    };
    const TF_Output factor = scope->Op("Sum").In(x[0]).In(scope->Const(std::vector<int32_t>{0, 1})).Out();
    const TF_Output computed = scope->Op("Mul").In(x[0]).In(factor).Out();
    std::vector<TF_Output> fetches;
    for (const TF_Output& from : {scope->Const(weights->handle()), x[0], computed}) {
      const auto parts = halves(from);
      fetches.push_back(
          scope->Op("Reshape").In(parts[0]).In(scope->Const(std::vector<int32_t>{2, -1})).Out());
      fetches.push_back(
          scope->Op("Reshape").In(parts[1]).In(scope->Const(std::vector<int32_t>{2, -1})).Out());
    }
    return fetches;
  });
  Strategy strategy(1);
  const TensorRef x = Floats({2, 16});
  for (int time = 0; time < 2; ++time) {
    const Outcome outcome = Start(function.get(), &strategy, {x}, 8).get();
    ASSERT_EQ(outcome.code(), TF_OK);
    EXPECT_EQ(Values(outcome.outputs[0])[3], 103);
    EXPECT_EQ(Values(outcome.outputs[2])[3], 3);
    EXPECT_EQ(Values(outcome.outputs[3])[3], 19);
    EXPECT_EQ(Values(outcome.outputs[4])[3], 3 * 496);
    for (const TensorRef& output : outcome.outputs) std::memset(output->data(), 0, output->bytes());
  }
  EXPECT_EQ(Values(x)[3], 3);
}

TEST(OwnOutput, DoesNotCopyAnOutputThatOwnsItsMemory) {
  tf::TensorPtr tensor = tf::MakeTensor(TF_FLOAT, {1}, std::vector<float>{5}.data());
  const void* data = C().TF_TensorData(tensor.get());
  Scope scope;
  const TF_Output x = scope.Placeholder(TF_FLOAT, Shape::Of({1}));
  const Session session(scope.graph(), {});
  auto outputs =
      session.Run({x}, {tensor.get()}, {scope.Op("Neg").In(x).Out(), scope.Op("Identity").In(x).Out()});
  const void* computed = C().TF_TensorData(outputs[0].get());
  EXPECT_EQ(OwnOutput(std::move(outputs[0]))->data(), computed);
  EXPECT_EQ(C().TF_TensorData(outputs[1].get()), data);
  EXPECT_NE(OwnOutput(std::move(outputs[1]))->data(), data);
}

TEST(CompiledFunction, PassesScalarFeedsToEveryShard) {
  const auto function = Build({kRows4, Shape::Of({})}, [](Scope* scope, const std::vector<TF_Output>& x) {
    return std::vector<TF_Output>{scope->Op("Mul").In(x[0]).In(x[1]).Out()};
  });
  Strategy strategy(2);
  const TensorRef factor = Tensor::Allocate(TF_FLOAT, {});
  *static_cast<float*>(factor->data()) = 3;
  const Outcome outcome = Start(function.get(), &strategy, {Floats({6, 4}), factor}, 2).get();
  ASSERT_EQ(outcome.code(), TF_OK);
  for (int i = 0; i < 24; ++i) EXPECT_EQ(Values(outcome.outputs[0])[i], 3 * i);
}

TEST(CompiledFunction, PassesWholeFeedsToEveryShard) {
  auto scope = std::make_unique<Scope>();
  const std::vector<TF_Output> feeds = {scope->Placeholder(TF_FLOAT, kRows4, "x"),
                                        scope->Placeholder(TF_FLOAT, Shape::Of({-1, 4}), "references")};
  const TF_Output sum = scope->Op("Sum").In(feeds[1]).In(scope->Const(std::vector<int32_t>{0})).Out();
  const std::vector<TF_Output> fetches = {scope->Op("AddV2").In(feeds[0]).In(sum).Out()};
  const auto function = CompiledFunction::Build(std::move(scope), feeds, fetches, {1, 2}, {1});
  Strategy strategy(2);
  // The whole feed has neither as many rows as the other, nor are the run's rows its own.
  const Outcome outcome = Start(function.get(), &strategy, {Floats({7, 4}), Floats({3, 4})}, 2).get();
  ASSERT_EQ(outcome.code(), TF_OK);
  for (int i = 0; i < 28; ++i) {
    const auto column = static_cast<float>(i % 4);
    EXPECT_EQ(Values(outcome.outputs[0])[i], static_cast<float>(i) + 3 * column + 12) << i;
  }
  // Its shape is still checked.
  EXPECT_THROW(function->Run(&strategy, {Floats({7, 4}), Floats({3, 5})}, {.shard_size = 2}, nullptr),
               tf::Error);
}

TEST(CompiledFunction, RefusesWholeFeedsThatDoNotExist) {
  for (const int32_t position : {-1, 1}) {
    auto scope = std::make_unique<Scope>();
    const TF_Output x = scope->Placeholder(TF_FLOAT, kRows4);
    EXPECT_THROW(CompiledFunction::Build(std::move(scope), {x}, {x}, {}, {position}), tf::Error);
  }
}

TEST(CompiledFunction, RunsWithoutFeeds) {
  const auto function = Build({}, [](Scope* scope, const std::vector<TF_Output>&) {
    return std::vector<TF_Output>{scope->Scalar(TF_FLOAT, 5)};
  });
  Strategy strategy(1);
  const Outcome outcome = Start(function.get(), &strategy, {}, 2).get();
  ASSERT_EQ(outcome.code(), TF_OK);
  EXPECT_EQ(Values(outcome.outputs[0]), std::vector<float>{5});
}

TEST(CompiledFunction, FeedsStringsAsRowsOfBytes) {
  auto scope = std::make_unique<Scope>();
  const TF_Output text = scope->Placeholder(TF_STRING, Shape::Of({-1}), "text");
  const TF_Output length = scope->Op("StringLength").In(text).Out();
  const auto function = CompiledFunction::Build(std::move(scope), {text}, {length}, {});
  Strategy strategy(1);
  const TensorRef bytes = Tensor::Allocate(TF_UINT8, {3, 100});
  std::memset(bytes->data(), 'a', 300);
  const Outcome outcome = Start(function.get(), &strategy, {bytes}, 2).get();
  ASSERT_EQ(outcome.code(), TF_OK);
  EXPECT_EQ(static_cast<const int32_t*>(outcome.outputs[0]->data())[2], 100);
  EXPECT_THROW(function->Run(&strategy, {Floats({3, 4})}, {.shard_size = 2}, nullptr), tf::Error);
}

TEST(CompiledFunction, NamesFeedsThatDoNotFit) {
  const auto function = Build({kRows4, kRows4}, [](Scope* scope, const std::vector<TF_Output>& x) {
    return std::vector<TF_Output>{scope->Op("AddV2").In(x[0]).In(x[1]).Out()};
  });
  Strategy strategy(1);
  const auto message = [&](std::vector<TensorRef> feeds, int64_t shard_size = 2) -> std::string {
    try {
      function->Run(&strategy, {feeds.begin(), feeds.end()}, {.shard_size = shard_size}, nullptr);
    } catch (const tf::Error& error) {
      EXPECT_EQ(error.code(), TF_INVALID_ARGUMENT);
      return error.what();
    }
    return "accepted";
  };
  const TensorRef good = Floats({2, 4});
  EXPECT_EQ(message({good}), "the function takes 2 feeds (x, x_1); received 1");
  EXPECT_EQ(message({good, Tensor::Allocate(TF_UINT8, {2, 4})}),
            "feed 'x_1' has another dtype: expected float32, received uint8");
  EXPECT_EQ(message({Floats({2, 4, 1}), good}),
            "feed 'x' has another shape: expected (null, 4), received (2, 4, 1)");
  EXPECT_EQ(message({good, Floats({2, 5})}),
            "feed 'x_1' has another shape: expected (null, 4), received (2, 5)");
  EXPECT_EQ(message({good, Floats({3, 4})}),
            "feed 'x_1' has 3 rows where feed 'x' has 2: axis 0 is the batch's in every feed");
  EXPECT_EQ(message({good, good}, 0), "the shard size must be 1 or more; received 0");
}

TEST(CompiledFunction, RefusesFetchesThatLoseTheBatchAxis) {
  const auto function = Build({kRows4}, [](Scope* scope, const std::vector<TF_Output>& x) {
    return std::vector<TF_Output>{
        scope->Op("Sum", "total").In(x[0]).In(scope->Const(std::vector<int32_t>{0, 1})).Out()};
  });
  Strategy strategy(1);
  std::string message;
  EXPECT_EQ(Start(function.get(), &strategy, {Floats({3, 4})}, 8).get().code(&message), TF_INVALID_ARGUMENT);
  EXPECT_NE(message.find("fetch 'total:0' has shape () for 3 rows"), std::string::npos) << message;
}

TEST(CompiledFunction, RefusesFetchesWithoutAFixedSize) {
  auto scope = std::make_unique<Scope>();
  const TF_Output x = scope->Placeholder(TF_FLOAT, kRows4);
  const TF_Output text = scope->Op("AsString").In(x).Out();
  EXPECT_THROW(CompiledFunction::Build(std::move(scope), {x}, {text}, {}), tf::Error);
}

TEST(CompiledFunction, RefusesShardsWhoseRowsDifferInShape) {
  // The rows are as wide as the largest value of the shard.
  const auto function = Build({Shape::Of({-1, 1})}, [](Scope* scope, const std::vector<TF_Output>& x) {
    const TF_Output axes = scope->Const(std::vector<int32_t>{0, 1});
    const TF_Output widest =
        scope->Op("Cast").In(scope->Op("Max").In(x[0]).In(axes).Out()).AttrType("DstT", TF_INT32).Out();
    const TF_Output one = scope->Const(int32_t{1});
    const TF_Output multiples = scope->Op("Pack").InList({one, widest}).Out();
    return std::vector<TF_Output>{scope->Op("Tile", "wide").In(x[0]).In(multiples).Out()};
  });
  Strategy strategy(1);
  std::string message;
  EXPECT_EQ(Start(function.get(), &strategy, {Floats({4, 1}, 1)}, 2).get().code(&message),
            TF_INVALID_ARGUMENT);
  EXPECT_NE(message.find("fetch 'wide:0' has rows of different shapes"), std::string::npos) << message;
  EXPECT_EQ(Start(function.get(), &strategy, {Floats({4, 1}, 1)}, 4).get().code(), TF_OK);
}

TEST(CompiledFunction, AFailingShardFailsOnlyItsRun) {
  // Gather fails on the CPU if an index is out of range. The index 3 in the second shard is out of range.
  const auto function = Build(
      {Shape::Of({-1})},
      [](Scope* scope, const std::vector<TF_Output>& x) {
        return std::vector<TF_Output>{scope->Op("GatherV2", "lookup")
                                          .In(scope->Const(std::vector<int32_t>{7, 8, 9}))
                                          .In(x[0])
                                          .In(scope->Const(int32_t{0}))
                                          .Out()};
      },
      2, TF_INT32);
  Strategy strategy(2);
  const TensorRef indices = Tensor::Allocate(TF_INT32, {4});
  const int32_t values[] = {0, 1, 2, 3};
  std::memcpy(indices->data(), values, sizeof(values));
  EXPECT_EQ(Start(function.get(), &strategy, {indices}, 2).get().code(), TF_INVALID_ARGUMENT);
  static_cast<int32_t*>(indices->data())[3] = 2;
  const Outcome outcome = Start(function.get(), &strategy, {indices}, 2).get();
  ASSERT_EQ(outcome.code(), TF_OK);
  EXPECT_EQ(static_cast<const int32_t*>(outcome.outputs[0]->data())[3], 9);
}

TEST(CompiledFunction, StopsAtTheNextShardWhenCancelled) {
  const auto function = Build({Shape::Of({-1, 1500})}, Slow, 1);
  Strategy strategy(1);
  EXPECT_EQ(Start(function.get(), &strategy, {Floats({1, 1500})}, 1).get().code(), TF_OK);  // warm
  const auto control = std::make_shared<control::RunControl>();
  auto future = Start(function.get(), &strategy, {Floats({10000, 1500})}, 1, control);
  while (strategy.status()[0].shards < 2) std::this_thread::yield();
  control->Cancel();
  EXPECT_EQ(future.get().code(), TF_CANCELLED);
  EXPECT_EQ(Start(function.get(), &strategy, {Floats({1, 1500})}, 1).get().code(), TF_OK);
}

TEST(CompiledFunction, MayBeClosedDuringARun) {
  auto function = Build({Shape::Of({-1, 1500})}, Slow);
  Strategy strategy(2);
  const std::weak_ptr<CompiledFunction> watch = function;
  auto future = Start(function.get(), &strategy, {Floats({8, 1500})}, 1);
  function.reset();
  const Outcome outcome = future.get();
  EXPECT_EQ(outcome.code(), TF_OK);
  strategy.Stop();
  EXPECT_TRUE(watch.expired());
}

TEST(CompiledFunction, AcceptsAThousandConcurrentRuns) {
  const auto function = Build({kRows4}, Doubled);
  Strategy strategy(2);
  std::vector<std::future<Outcome>> futures;
  for (int run = 0; run < 1000; ++run) {
    futures.push_back(
        Start(function.get(), &strategy, {Floats({4, 4}, static_cast<float>(run))}, 1 + run % 4));
  }
  for (int run = 0; run < 1000; ++run) {
    const Outcome outcome = futures[run].get();
    ASSERT_EQ(outcome.code(), TF_OK);
    for (int i = 0; i < 16; ++i) ASSERT_EQ(Values(outcome.outputs[0])[i], 2 * (run + i));
  }
}

TEST(DType, NamesRoundTrip) {
  EXPECT_EQ(tf::DTypeName(TF_HALF), "float16");
  EXPECT_EQ(tf::DTypeNamed("bfloat16"), TF_BFLOAT16);
  EXPECT_FALSE(tf::DTypeNamed("resource").has_value());
  EXPECT_FALSE(tf::IsContractDType(TF_RESOURCE));
}

}  // namespace
}  // namespace ke::runtime
