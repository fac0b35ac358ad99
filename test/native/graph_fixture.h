// Reads test/fixtures/models (scripts/fixtures/make_models.py) and runs imported models.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/model_graph.h"
#include "tensorflow/handles.h"

namespace ke::graph {

// The folder of a fixture.
std::string FixturePath(const std::string& name);
// The model in it: a SavedModel, or where its name says so a frozen GraphDef.
std::shared_ptr<const ModelGraph> LoadFixture(const std::string& name,
                                              const std::string& signature = "serving_default");

struct Values {
  std::vector<int64_t> dims;
  std::vector<float> data;
};

struct ExpectedLayer {
  std::vector<std::string> path;
  std::string type;
  Values values;
};

// What Keras gave, as make_models.py wrote it.
struct Expected {
  std::vector<std::pair<std::string, Values>> inputs;
  std::vector<std::pair<std::string, Values>> outputs;
  std::vector<ExpectedLayer> layers;  // a line per output of a call, in order of the calls
};
Expected ReadExpected(const std::string& name);

// The values of `tensors` for the given inputs.
std::vector<Values> RunModel(const ModelGraph& model, const std::vector<Values>& inputs,
                             const std::vector<std::string>& tensors);

// Fails the current test where the values differ by more than 1e-5 of the largest expected one.
void ExpectClose(const Values& actual, const Values& expected, const std::string& what);

// The graph of `scope` as a frozen GraphDef, written to a file and loaded again.
std::shared_ptr<const ModelGraph> LoadScope(const Scope& scope, const std::vector<std::string>& inputs,
                                            const std::vector<std::string>& outputs);

// The record at a path ("inner|ic"); fails the current test where there is none.
const LayerRecord& FindRecord(const ModelGraph& model, const std::string& path);
std::string JoinPath(const std::vector<std::string>& path);

}  // namespace ke::graph
