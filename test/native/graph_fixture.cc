#include "graph_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "build/scope.h"
#include "wire/read_file.h"

namespace ke::graph {

using tf::C;

namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

struct SessionDeleter {
  void operator()(TF_Session* session) const {
    tf::Status status;
    C().TF_DeleteSession(session, status);
  }
};

}  // namespace

std::string FixturePath(const std::string& name) { return KE_TEST_FOLDER "/fixtures/models/" + name; }

std::shared_ptr<const ModelGraph> LoadFixture(const std::string& name, const std::string& signature) {
  LoadOptions options;
  const bool frozen = name.ends_with("frozen");
  options.path = FixturePath(name) + (frozen ? "/model.pb" : "/model");
  if (!frozen) options.signature = signature;
  return ModelGraph::Load(options);
}

std::string JoinPath(const std::vector<std::string>& path) {
  std::string joined;
  for (const std::string& name : path) joined += (joined.empty() ? "" : "|") + name;
  return joined;
}

Expected ReadExpected(const std::string& name) {
  Expected expected;
  std::ifstream lines(FixturePath(name) + "/expected.txt");
  std::ifstream data(FixturePath(name) + "/expected.bin", std::ios::binary);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = Split(line, '\t');
    Values values;
    size_t size = 1;
    for (const std::string& dim : Split(words.back(), ',')) {
      values.dims.push_back(std::stoll(dim));
      size *= static_cast<size_t>(values.dims.back());
    }
    values.data.resize(size);
    data.read(reinterpret_cast<char*>(values.data.data()),
              static_cast<std::streamsize>(size * sizeof(float)));
    if (words[0] == "input") expected.inputs.emplace_back(words[1], std::move(values));
    if (words[0] == "output") expected.outputs.emplace_back(words[1], std::move(values));
    if (words[0] == "layer") expected.layers.push_back({Split(words[1], '|'), words[2], std::move(values)});
  }
  EXPECT_TRUE(data.good()) << name << ": expected.bin is too short";
  EXPECT_FALSE(expected.inputs.empty()) << name;
  return expected;
}

std::vector<Values> RunModel(const ModelGraph& model, const std::vector<Values>& inputs,
                             const std::vector<std::string>& tensors) {
  Scope scope;
  std::vector<TF_Output> feeds;
  std::vector<tf::TensorPtr> values;
  std::vector<TF_Tensor*> fed;
  for (size_t i = 0; i < inputs.size(); ++i) {
    feeds.push_back(scope.Placeholder(model.inputs()[i].dtype, model.inputs()[i].shape, "feed"));
    values.push_back(tf::MakeTensor(TF_FLOAT, inputs[i].dims, inputs[i].data.data()));
    fed.push_back(values.back().get());
  }
  std::vector<TF_Output> fetches = model.Instantiate(&scope, feeds, tensors);
  for (TF_Output& fetch : fetches) fetch = scope.Op("Identity").In(fetch).Out();

  tf::Status status;
  const tf::SessionOptionsPtr options(C().TF_NewSessionOptions());
  const std::unique_ptr<TF_Session, SessionDeleter> session(
      C().TF_NewSession(scope.graph(), options.get(), status));
  status.Check();
  for (const Scope::Initializer& initializer : scope.initializers()) {
    TF_Tensor* value = initializer.value.get();
    C().TF_SessionRun(session.get(), nullptr, &initializer.feed, &value, 1, nullptr, nullptr, 0,
                      &initializer.assign, 1, nullptr, status);
    status.Check();
  }
  std::vector<TF_Tensor*> fetched(fetches.size(), nullptr);
  C().TF_SessionRun(session.get(), nullptr, feeds.data(), fed.data(), static_cast<int>(feeds.size()),
                    fetches.data(), fetched.data(), static_cast<int>(fetches.size()), nullptr, 0, nullptr,
                    status);
  status.Check();
  std::vector<Values> results;
  for (TF_Tensor* raw : fetched) {
    const tf::TensorPtr tensor(raw);
    Values result;
    result.dims = tf::Dims(raw);
    const auto* data = static_cast<const float*>(C().TF_TensorData(raw));
    if (C().TF_TensorType(raw) == TF_FLOAT) result.data.assign(data, data + C().TF_TensorElementCount(raw));
    results.push_back(std::move(result));
  }
  return results;
}

std::shared_ptr<const ModelGraph> LoadScope(const Scope& scope, const std::vector<std::string>& inputs,
                                            const std::vector<std::string>& outputs) {
  const tf::BufferPtr buffer(C().TF_NewBuffer());
  tf::Status status;
  C().TF_GraphToGraphDef(scope.graph(), buffer.get(), status);
  status.Check();
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("ke-graph-" + std::to_string(std::random_device()()) + ".pb");
  std::ofstream(file, std::ios::binary)
      .write(static_cast<const char*>(buffer->data), static_cast<std::streamsize>(buffer->length));
  LoadOptions options;
  options.path = file.string();
  options.inputs = inputs;
  options.outputs = outputs;
  try {
    std::shared_ptr<const ModelGraph> model = ModelGraph::Load(options);
    std::filesystem::remove(file);
    return model;
  } catch (...) {
    std::filesystem::remove(file);
    throw;
  }
}

void ExpectClose(const Values& actual, const Values& expected, const std::string& what) {
  ASSERT_EQ(actual.dims, expected.dims) << what;
  ASSERT_EQ(actual.data.size(), expected.data.size()) << what;
  float largest = 0;
  for (const float value : expected.data) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < expected.data.size(); ++i) {
    ASSERT_NEAR(actual.data[i], expected.data[i], 1e-5F * std::max(largest, 1.0F)) << what << " at " << i;
  }
}

const LayerRecord& FindRecord(const ModelGraph& model, const std::string& path) {
  static const LayerRecord kNone;
  for (const LayerRecord& layer : model.layers()) {
    if (JoinPath(layer.path) == path) return layer;
  }
  ADD_FAILURE() << "no layer " << path;
  return kNone;
}

}  // namespace ke::graph
