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

// Returns the folder of a fixture.
std::string FixturePath(const std::string& name);
// Loads the model of a fixture: a frozen GraphDef if the name of the fixture ends in "frozen", else a
// SavedModel.
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

// The values that Keras returned, as make_models.py wrote them.
struct Expected {
  std::vector<std::pair<std::string, Values>> inputs;
  std::vector<std::pair<std::string, Values>> outputs;
  std::vector<ExpectedLayer> layers;  // one per output of a call, in the order of the calls
};
Expected ReadExpected(const std::string& name);

// Returns the values of `tensors` for the given inputs.
std::vector<Values> RunModel(const ModelGraph& model, const std::vector<Values>& inputs,
                             const std::vector<std::string>& tensors);

// Fails the current test if the values differ by more than 1e-5 of the largest expected value or of 1,
// whichever is larger.
void ExpectClose(const Values& actual, const Values& expected, const std::string& what);

// Writes the graph of `scope` to a file as a frozen GraphDef and loads the file.
std::shared_ptr<const ModelGraph> LoadScope(const Scope& scope, const std::vector<std::string>& inputs,
                                            const std::vector<std::string>& outputs);

// Returns the record at a path ("inner|ic"). Fails the current test if there is none.
const LayerRecord& FindRecord(const ModelGraph& model, const std::string& path);
std::string JoinPath(const std::vector<std::string>& path);

}  // namespace ke::graph
