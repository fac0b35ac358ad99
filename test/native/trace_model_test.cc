// Tests of models called in a trace: by names of weights, at sizes that the model does not declare, and in
// loops.
#include <gtest/gtest.h>

#include <map>

#include "graph_fixture.h"
#include "model/model_graph.h"
#include "run_graph.h"
#include "trace/trace.h"

namespace ke::trace {
namespace {

using graph::FixturePath;
using graph::ModelGraph;
using graph::Scope;
using graph::Shape;
using test::MakeTensor;

std::shared_ptr<const ModelGraph> LoadFixture(const std::string& name) {
  graph::LoadOptions options;
  options.path = FixturePath(name) + "/model";
  return ModelGraph::Load(options);
}

std::vector<std::vector<int64_t>> DimsOf(const Trace& trace, const std::vector<Symbol>& fetches,
                                         const std::vector<const TF_Tensor*>& values) {
  Scope scope;
  std::vector<TF_Output> feeds;
  std::vector<SymbolId> ids;
  for (const Symbol& fetch : fetches) ids.push_back(fetch.id);
  const std::vector<TF_Output> outputs = trace.Replay(&scope, ids, &feeds);
  std::vector<test::Feed> fed;
  for (size_t i = 0; i < feeds.size(); ++i) fed.emplace_back(feeds[i], values[i]);
  test::GraphRunner runner(scope);
  std::vector<std::vector<int64_t>> dims;
  for (const tf::TensorPtr& result : runner.Run(fed, outputs)) dims.push_back(tf::Dims(result.get()));
  return dims;
}

tf::TensorPtr Image(int64_t rows, int64_t size) {
  return MakeTensor(TF_FLOAT, {rows, size, size, 2}, std::vector<double>(rows * size * size * 2, 0.5));
}

TEST(CallModel, ReturnsWeightsByName) {
  const auto model = LoadFixture("keras3-shared");
  const std::string kernel = graph::FindRecord(*model, "encoder|conv").weights[0];
  const std::string relu = graph::FindRecord(*model, "encoder|relu").calls[0].outputs[0];
  const auto trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 9, 9, 2}), "x");
  const std::vector<Symbol> symbols = trace->CallModel(model, {x.id, x.id}, {kernel, relu});
  // Tensors that depend on the inputs have an undeclared size: only the rank and the channels are known.
  EXPECT_EQ(symbols[0].shape, Shape::Of({3, 3, 2, 2}));
  EXPECT_EQ(symbols[1].shape, Shape::Of({-1, -1, -1, 2}));
  const tf::TensorPtr image = Image(2, 9);
  EXPECT_EQ(DimsOf(*trace, symbols, {image.get()}),
            (std::vector<std::vector<int64_t>>{{3, 3, 2, 2}, {2, 7, 7, 2}}));
}

// "siamese" flattens 4x4 positions of 4 channels to 64 values. 10x10 pixels give 8x8 positions. Keras 2 would
// silently turn these positions into 4 samples (Keras 3 reshapes to the batch size). 9x9 pixels give 196
// values, no whole number of samples.
TEST(CallModel, RefusesSizesThatAFlattenWouldTurnIntoSamples) {
  for (const char* name : {"keras2-shared", "keras3-shared"}) {
    for (const int size : {9, 10}) {
      const auto model = LoadFixture(name);
      const auto trace = Trace::Create();
      const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, size, size, 2}), "x");
      const std::vector<Symbol> outputs = trace->CallModel(model, {x.id, x.id}, model->output_tensors());
      Scope scope;
      std::vector<TF_Output> feeds;
      try {
        trace->Replay(&scope, {outputs[0].id}, &feeds);
        FAIL() << name << " was called at " << size;
      } catch (const tf::Error& error) {
        EXPECT_EQ(error.code(), TF_INVALID_ARGUMENT);
        const std::string message = error.what();
        EXPECT_NE(message.find("only inputs of its declared size, (null, 6, 6, 2)"), std::string::npos)
            << message;
        EXPECT_NE(message.find("(null, " + std::to_string(size)), std::string::npos) << message;
        if (size == 10 && std::string(name) == "keras2-shared")
          EXPECT_NE(message.find("4 rows for 1 samples, since"), std::string::npos) << message;
        EXPECT_NE(error.op().find("flat"), std::string::npos) << error.op();
      }
    }
  }
}

TEST(CallModel, AcceptsOtherSizesIfSamplesStaySeparate) {
  const auto model = LoadFixture("keras3-shared");
  const std::string relu = graph::FindRecord(*model, "encoder|relu").calls[0].outputs[0];
  const std::string bias = graph::FindRecord(*model, "logits").weights[1];
  const auto trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 10, 10, 2}), "x");
  const std::vector<Symbol> symbols = trace->CallModel(model, {x.id, x.id}, {relu, bias});
  const tf::TensorPtr image = Image(3, 10);
  EXPECT_EQ(DimsOf(*trace, symbols, {image.get()}), (std::vector<std::vector<int64_t>>{{3, 8, 8, 2}, {3}}));
}

TEST(CallModel, RefusesSizesInTheRunIfTheyAreUnknownBefore) {
  const auto model = LoadFixture("keras2-shared");
  const auto trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, -1, -1, 2}), "x");
  const std::vector<Symbol> outputs = trace->CallModel(model, {x.id, x.id}, model->output_tensors());
  const tf::TensorPtr declared = Image(2, 6);
  EXPECT_EQ(DimsOf(*trace, outputs, {declared.get()}), (std::vector<std::vector<int64_t>>{{2, 1}, {2, 3}}));
  const tf::TensorPtr larger = Image(2, 10);
  try {
    DimsOf(*trace, outputs, {larger.get()});
    FAIL() << "8 samples came of 2";
  } catch (const tf::Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("inputs of its declared size, (null, 6, 6, 2)"), std::string::npos) << message;
    EXPECT_NE(message.find("rows, samples:] [8] [2]"), std::string::npos) << message;
  }
}

// Like tta: every turn of a loop has another size and is differentiated.
TEST(CallModel, ChecksAndDifferentiatesACallAtTheSizeOfTheTurn) {
  const auto model = LoadFixture("keras2-shared");
  const auto trace = Trace::Create();
  const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, -1, -1, 2}), "x");
  const Symbol count = trace->Constant(MakeTensor(TF_INT32, {}, {2}));
  const Trace::Stack open = trace->BeginStack(count.id);
  const std::vector<Symbol> outputs = open.body->CallModel(model, {x.id, x.id}, {model->output_tensors()[1]});
  const Symbol gradient = open.body->Gradient({outputs[0].id}, {x.id}, {}, {})[0];
  const Symbol rows = trace->EndStack(open.body, gradient.id);
  const tf::TensorPtr declared = Image(2, 6);
  EXPECT_EQ(DimsOf(*trace, {rows}, {declared.get()}), (std::vector<std::vector<int64_t>>{{2, 2, 6, 6, 2}}));
  const tf::TensorPtr larger = Image(2, 10);
  EXPECT_THROW(DimsOf(*trace, {rows}, {larger.get()}), tf::Error);
}

// Weights exist once, however many calls and loops read them.
TEST(CallModel, SharesWeightsBetweenCalls) {
  const auto model = LoadFixture("keras2-shared");
  std::map<int, std::map<std::string, int>> counts;
  for (const int calls : {1, 20}) {
    const auto trace = Trace::Create();
    const Symbol x = trace->Placeholder(TF_FLOAT, Shape::Of({-1, 6, 6, 2}), "x");
    const Symbol count = trace->Constant(MakeTensor(TF_INT32, {}, {2}));
    std::vector<SymbolId> fetches;
    for (int i = 0; i < calls; ++i) {
      const std::vector<Symbol> outputs = trace->CallModel(model, {x.id, x.id}, model->output_tensors());
      fetches.push_back(outputs[1].id);
      const Trace::Stack open = trace->BeginStack(count.id);
      const std::vector<Symbol> inner = open.body->CallModel(model, {x.id, x.id}, model->output_tensors());
      fetches.push_back(trace->EndStack(open.body, inner[1].id).id);
    }
    Scope scope;
    std::vector<TF_Output> feeds;
    trace->Replay(&scope, fetches, &feeds);
    size_t position = 0;
    while (TF_Operation* op = tf::C().TF_GraphNextOperation(scope.graph(), &position)) {
      if (std::string(tf::C().TF_OperationName(op)).rfind("weights/", 0) == 0) {
        ++counts[calls][tf::C().TF_OperationOpType(op)];
      }
    }
    EXPECT_GT(counts[calls].size(), 0U);
  }
  EXPECT_EQ(counts[1], counts[20]);
}

}  // namespace
}  // namespace ke::trace
