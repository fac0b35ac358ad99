#include "simulation/hop.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/make_strategy.h"
#include "cluster/worker.h"
#include "runtime/compiled_function.h"
#include "server_process.h"

namespace ke::test {

namespace {

using graph::Scope;
using graph::Shape;
using runtime::CompiledFunction;
using runtime::Strategy;
using runtime::TensorRef;
using Clock = std::chrono::steady_clock;

constexpr int64_t kSide = 224;
constexpr int64_t kMapSide = 7;
constexpr int64_t kPathBytes = 40;

double MillisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// The kinds of input and output. The function itself computes next to nothing.
struct Kind {
  const char* name;
  TF_DataType dtype;  // TF_STRING for paths
  int64_t side;       // the side of the maps
};

std::shared_ptr<CompiledFunction> MakeFunction(const Kind& kind) {
  auto scope = std::make_unique<Scope>();
  scope->MakePortable();
  const bool paths = kind.dtype == TF_STRING;
  const TF_Output x =
      scope->Placeholder(kind.dtype, paths ? Shape::Of({-1}) : Shape::Of({-1, kSide, kSide, 3}), "x");
  TF_Output number = paths ? scope->Op("StringLength").In(x).Out() : x;
  if (!paths) {  // one value of each picture, so that nothing is computed
    const auto ints = [&](std::vector<int32_t> values) { return scope->Const(values); };
    number = scope->Op("StridedSlice")
                 .In(x)
                 .In(ints({0, 5, 5, 1}))
                 .In(ints({0, 6, 6, 2}))
                 .In(ints({1, 1, 1, 1}))
                 .AttrInt("begin_mask", 1)
                 .AttrInt("end_mask", 1)
                 .Out();
  }
  number = scope->Op("Cast").In(number).AttrType("DstT", TF_FLOAT).Out();
  number = scope->Op("Reshape").In(number).In(scope->Const(std::vector<int32_t>{-1, 1, 1, 1})).Out();
  const auto side = static_cast<int32_t>(kind.side);
  const TF_Output maps =
      scope->Op("Tile").In(number).In(scope->Const(std::vector<int32_t>{1, side, side, 1})).Out();
  return CompiledFunction::Build(std::move(scope), {x}, {maps}, {});
}

TensorRef MakeFeed(const Kind& kind, int64_t rows) {
  TensorRef feed = kind.dtype == TF_STRING ? runtime::Tensor::Allocate(TF_UINT8, {rows, kPathBytes})
                                           : runtime::Tensor::Allocate(kind.dtype, {rows, kSide, kSide, 3});
  std::fill_n(static_cast<char*>(feed->data()), feed->bytes(), 'a');
  return feed;
}

void Run(CompiledFunction* function, Strategy* strategy, const TensorRef& feed, int64_t shard) {
  std::promise<void> promise;
  function->Run(strategy, {feed}, {.shard_size = shard},
                [&promise](const std::vector<TensorRef>&, const std::exception_ptr& error) {
                  if (error != nullptr) {
                    promise.set_exception(error);
                  } else {
                    promise.set_value();
                  }
                });
  promise.get_future().get();
}

// Returns the median time of `repeats` runs of one shard, in milliseconds.
double Median(CompiledFunction* function, Strategy* strategy, const TensorRef& feed, int repeats) {
  for (int i = 0; i < 3; ++i) Run(function, strategy, feed, feed->rows());
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const Clock::time_point begin = Clock::now();
    Run(function, strategy, feed, feed->rows());
    times.push_back(MillisecondsSince(begin));
  }
  std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
  return times[repeats / 2];
}

std::unique_ptr<Strategy> On(const ServerProcess& server, int callers) {
  runtime::StrategyOptions options;
  options.replicas.push_back({{server.target(), "", callers}});
  options.package = kPackage;
  return std::unique_ptr<Strategy>(new Strategy(runtime::MakeStrategy(std::move(options))));
}

// Returns a function that computes x (N, 1) plus one value of each of `weights` weights of `bytes` bytes.
std::shared_ptr<CompiledFunction> WithWeights(const std::string& model, int weights, int64_t bytes) {
  auto scope = std::make_unique<Scope>();
  scope->MakePortable();
  const TF_Output x = scope->Placeholder(TF_FLOAT, Shape::Of({-1, 1}), "x");
  TF_Output sum = x;
  for (int i = 0; i < weights; ++i) {
    const std::shared_ptr<TF_Tensor> value = tf::AllocateTensor(TF_FLOAT, {bytes / 4});
    std::fill_n(static_cast<float*>(tf::C().TF_TensorData(value.get())), bytes / 4, 1.0F);
    const std::string name = "w" + std::to_string(i);
    const TF_Output weight = scope->SharedWeight(value.get(), value, false, name, model + "/" + name);
    const TF_Output first = scope->Op("Slice")
                                .In(weight)
                                .In(scope->Const(std::vector<int32_t>{0}))
                                .In(scope->Const(std::vector<int32_t>{1}))
                                .Out();
    sum = scope->Op("AddV2").In(sum).In(first).Out();
  }
  return CompiledFunction::Build(std::move(scope), {x}, {sum}, {});
}

}  // namespace

std::string MeasureHops(int repeats) {
  const Kind kinds[] = {
      {"float32 224x224x3 in, 224x224 map out", TF_FLOAT, kSide},
      {"float32 224x224x3 in, 7x7 map out", TF_FLOAT, kMapSide},
      {"uint8 224x224x3 in, 224x224 map out", TF_UINT8, kSide},
      {"uint8 224x224x3 in, 7x7 map out", TF_UINT8, kMapSide},
      {"path in, 224x224 map out", TF_STRING, kSide},
      {"path in, 7x7 map out", TF_STRING, kMapSide},
  };
  const ServerProcess server;
  const auto worker = On(server, 1);
  Strategy local(1);
  std::ostringstream text;
  text.precision(4);
  text << "{\"hops\": [";
  bool first = true;
  for (const Kind& kind : kinds) {
    for (const int64_t rows : {1, 8}) {
      const TensorRef feed = MakeFeed(kind, rows);
      const auto function = MakeFunction(kind);
      const double here = Median(function.get(), &local, feed, repeats);
      const double there = Median(function.get(), worker.get(), feed, repeats);
      text << (first ? "" : ", ") << "\n{\"kind\": \"" << kind.name << "\", \"rows\": " << rows
           << ", \"bytesIn\": " << feed->bytes() / static_cast<size_t>(rows)
           << ", \"bytesOut\": " << kind.side * kind.side * 4
           << ", \"localMs\": " << here / static_cast<double>(rows)
           << ", \"workerMs\": " << there / static_cast<double>(rows)
           << ", \"hopMs\": " << (there - here) / static_cast<double>(rows) << "}";
      first = false;
    }
  }
  text << "],\n\"weights\": [";
  first = true;
  for (const int64_t bytes : {int64_t{1} << 20, int64_t{8} << 20}) {
    const int count = static_cast<int>((int64_t{128} << 20) / bytes);
    const TensorRef x = runtime::Tensor::Allocate(TF_FLOAT, {1, 1});
    *static_cast<float*>(x->data()) = 0;
    const std::string model = "model" + std::to_string(bytes);
    double ms[2];
    for (double& time : ms) {  // for the second function, the worker has the weights
      const auto function = WithWeights(model, count, bytes);
      const Clock::time_point begin = Clock::now();
      Run(function.get(), worker.get(), x, 1);
      time = MillisecondsSince(begin);
    }
    text << (first ? "" : ", ") << "\n{\"tensors\": " << count << ", \"bytes\": " << count * bytes
         << ", \"firstRunMs\": " << ms[0] << ", \"firstRunOfAnotherFunctionMs\": " << ms[1] << "}";
    first = false;
  }
  text << "]}";
  worker->Stop();
  return text.str();
}

}  // namespace ke::test
