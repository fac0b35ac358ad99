// Concurrent runs of one session do not affect each other.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "model/model_graph.h"
#include "runtime/compiled_function.h"
#include "runtime/strategy.h"

namespace ke::runtime {
namespace {

using graph::Scope;
using graph::Shape;

constexpr int64_t kSize = 12;
constexpr int64_t kChannels = 16;
constexpr int64_t kRows = 512;
constexpr int kSums = 4;

TF_Output Convolution(Scope* scope, TF_Output x, float phase) {
  std::vector<float> kernel(3 * 3 * kChannels * kChannels);
  for (size_t i = 0; i < kernel.size(); ++i) kernel[i] = 0.1f * std::sin(phase + static_cast<float>(i));
  const TF_Output weight =
      scope->Const(tf::MakeTensor(TF_FLOAT, {3, 3, kChannels, kChannels}, kernel.data()).get());
  const std::vector<float> ones(kChannels, 1);
  const TF_Output bias = scope->Const(tf::MakeTensor(TF_FLOAT, {kChannels}, ones.data()).get());
  const TF_Output convolved = scope->Op("Conv2D")
                                  .In(x)
                                  .In(weight)
                                  .AttrInts("strides", {1, 1, 1, 1})
                                  .AttrString("padding", "SAME")
                                  .Out();
  return scope->Op("BiasAdd").In(convolved).In(bias).Out();
}

std::vector<TensorRef> Compute(CompiledFunction* function, Strategy* strategy, const TensorRef& x,
                               int64_t shard_size) {
  std::promise<std::vector<TensorRef>> promise;
  function->Run(strategy, {x}, {.shard_size = shard_size},
                [&](std::vector<TensorRef> outputs, std::exception_ptr error) {
                  if (error != nullptr) {
                    promise.set_exception(error);
                  } else {
                    promise.set_value(std::move(outputs));
                  }
                });
  return promise.get_future().get();
}

// Writes a frozen network of four residual convolutions to a file. All sums of the network are used again.
std::string WriteNetwork(bool fixed_size) {
  Scope scope;
  const TF_Output x = scope.Placeholder(TF_FLOAT, Shape::Of({-1, kSize, kSize, kChannels}), "x");
  TF_Output y = x;
  if (fixed_size) {
    y = scope.Op("Reshape").In(x).In(scope.Const(std::vector<int32_t>{1, kSize, kSize, kChannels})).Out();
  }
  for (int i = 0; i < kSums; ++i) {
    y = scope.Op("AddV2", "sum_" + std::to_string(i))
            .In(Convolution(&scope, y, static_cast<float>(i)))
            .In(y)
            .Out();
  }
  const tf::BufferPtr graph_def(tf::C().TF_NewBuffer());
  tf::Status status;
  tf::C().TF_GraphToGraphDef(scope.graph(), graph_def.get(), status);
  status.Check();
  const std::string path = testing::TempDir() + "concurrent_runs_" + std::to_string(fixed_size) + ".pb";
  std::ofstream(path, std::ios::binary)
      .write(static_cast<const char*>(graph_def->data), static_cast<std::streamsize>(graph_def->length));
  return path;
}

// The parameter: whether the graph has static sizes, or the sizes come from a feed.
class ConcurrentRuns : public testing::TestWithParam<bool> {};

// TensorFlow's kernel of a convolution that adds another tensor keeps the added tensor in members. Such sums
// must not be fused if the added tensor's memory is also used elsewhere, as in this network.
TEST_P(ConcurrentRuns, DoNotShareTheirSums) {
  graph::LoadOptions file;
  file.path = WriteNetwork(GetParam());
  const auto model = graph::ModelGraph::Load(file);
  std::vector<std::string> sums;
  for (int i = 0; i < kSums; ++i) sums.push_back("sum_" + std::to_string(i) + ":0");

  auto scope = std::make_unique<Scope>();
  const TF_Output x = scope->Placeholder(TF_FLOAT, Shape::Of({-1, kSize, kSize, kChannels}), "x");
  const std::vector<TF_Output> fetches = model->Instantiate(scope.get(), {x}, sums);
  const auto function = CompiledFunction::Build(std::move(scope), {x}, fetches, {1, 8});

  const TensorRef values = Tensor::Allocate(TF_FLOAT, {kRows, kSize, kSize, kChannels});
  auto* const data = static_cast<float*>(values->data());
  for (size_t i = 0; i < values->bytes() / sizeof(float); ++i) data[i] = std::sin(static_cast<float>(i));
  Strategy one(1);
  Strategy eight(8);
  const std::vector<TensorRef> expected = Compute(function.get(), &one, values, 1);
  for (int round = 0; round < 5; ++round) {
    const std::vector<TensorRef> received = Compute(function.get(), &eight, values, 1);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(std::memcmp(received[i]->data(), expected[i]->data(), expected[i]->bytes()), 0) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, ConcurrentRuns, testing::Bool());

}  // namespace
}  // namespace ke::runtime
