// Recordings for tests, and the results of their runs.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "run_graph.h"
#include "tensorflow/read_graph.h"
#include "trace/trace.h"
#include "wire/proto.h"

namespace ke::test {

// The value of a fetch, as numbers.
struct Result {
  std::vector<int64_t> dims;
  std::vector<double> values;
};

// Replays `trace` for `fetches` and runs the graph with one value per placeholder.
inline std::vector<Result> EvaluateAll(const trace::Trace& trace, const std::vector<trace::SymbolId>& fetches,
                                       const std::vector<const TF_Tensor*>& values,
                                       int* operations = nullptr) {
  graph::Scope scope;
  std::vector<TF_Output> feeds;
  const std::vector<TF_Output> outputs = trace.Replay(&scope, fetches, &feeds);
  if (operations != nullptr) {
    size_t position = 0;
    *operations = 0;
    while (tf::C().TF_GraphNextOperation(scope.graph(), &position) != nullptr) ++*operations;
  }
  EXPECT_EQ(feeds.size(), values.size());
  std::vector<Feed> fed;
  for (size_t i = 0; i < feeds.size(); ++i) fed.emplace_back(feeds[i], values[i]);
  GraphRunner runner(scope);
  std::vector<Result> results;
  for (const tf::TensorPtr& result : runner.Run(fed, outputs)) {
    results.push_back({tf::Dims(result.get()), ToDoubles(result.get())});
  }
  return results;
}

inline Result Evaluate(const trace::Trace& trace, trace::SymbolId fetch,
                       const std::vector<const TF_Tensor*>& values, int* operations = nullptr) {
  return EvaluateAll(trace, {fetch}, values, operations)[0];
}

// Returns the number of ops per type in the replayed graph of `trace`, including the ops in bodies of loops.
inline std::map<std::string, int> CountOps(const trace::Trace& trace,
                                           const std::vector<trace::SymbolId>& fetches) {
  graph::Scope scope;
  std::vector<TF_Output> feeds;
  trace.Replay(&scope, fetches, &feeds);
  const tf::BufferPtr bytes = tf::ToGraphDef(scope.graph());
  const graph::proto::GraphDef graph = graph::proto::ReadGraph(tf::View(bytes.get()), "the replay");
  std::map<std::string, int> counts;
  for (const auto& node : graph.nodes) ++counts[std::string(node.op)];
  for (const auto& [name, function] : graph.functions) {
    for (const auto& node : graph::proto::ReadFunction(function, "a body").nodes)
      ++counts[std::string(node.op)];
  }
  return counts;
}

inline trace::Symbol Float(const std::shared_ptr<trace::Trace>& trace, const std::vector<int64_t>& dims,
                           const std::vector<double>& values) {
  return trace->Constant(MakeTensor(TF_FLOAT, dims, values));
}

inline trace::Symbol Apply(const std::shared_ptr<trace::Trace>& trace, const std::string& type,
                           const std::vector<trace::OpInput>& inputs) {
  return trace->Op(type, inputs, {})[0];
}

// y = (x W)^2 for x (N, 2), W (2, 3): dy[u]/dx[k] = 2 (x W)[u] W[k, u].
struct Squares {
  std::shared_ptr<trace::Trace> trace = trace::Trace::Create();
  trace::Symbol x = trace->Placeholder(TF_FLOAT, graph::Shape::Of({-1, 2}), "x");
  trace::Symbol w = Float(trace, {2, 3}, {1, 2, 3, 4, 5, 6});
  trace::Symbol y = Apply(trace, "Square", {Apply(trace, "MatMul", {x.id, w.id}).id});
  tf::TensorPtr input = MakeTensor(TF_FLOAT, {2, 2}, {1, 1, 1, -1});
};

}  // namespace ke::test
