// Import answers any file with a typed error: missing files, truncated files, files overwritten with noise,
// and files crafted to loop.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "crafted_graph.h"
#include "graph_fixture.h"
#include "ir/flat_graph.h"
#include "model/model_graph.h"
#include "tensorflow/protozero.h"
#include "wire/bounds.h"
#include "wire/read_file.h"

namespace ke::graph {
namespace {

namespace fs = std::filesystem;
using protozero::pbf_writer;

TEST_F(BadInput, NamesMissingFiles) {
  ExpectError(At((folder_ / "none").string()), TF_NOT_FOUND, "there is no model at");
  ExpectError(At(folder_.string()), TF_NOT_FOUND, "saved_model.pb");
  ExpectError(At(""), TF_NOT_FOUND, "there is no model at");
  Write("saved_model.pbtxt", "");
  ExpectError(At(folder_.string()), TF_UNIMPLEMENTED, "text form");
}

TEST_F(BadInput, ListsSignaturesAndTags) {
  LoadOptions options = At(FixturePath("module") + "/model");
  options.signature = "predict";
  ExpectError(options, TF_NOT_FOUND,
              "no signature 'predict'; it has: 'count', 'loop', 'read', 'serving_default'");
  options = At(FixturePath("module") + "/model");
  options.tags = {"train"};
  ExpectError(options, TF_NOT_FOUND, "no graph with tags 'train'; it has graphs with tags: 'serve'");
}

TEST_F(BadInput, NamesMissingVariables) {
  const std::string model = Copy("keras3-nested");
  fs::remove(model + "/variables/variables.data-00000-of-00001");
  const tf::Error data = LoadError(At(model));
  EXPECT_NE(std::string(data.what()).find("variables/variables"), std::string::npos) << data.what();
  EXPECT_TRUE(data.code() == TF_DATA_LOSS || data.code() == TF_NOT_FOUND) << data.what();
  EXPECT_FALSE(data.op().empty());
  fs::remove_all(model + "/variables");
  ExpectError(At(model), TF_NOT_FOUND, "variables.index");
}

TEST_F(BadInput, RefusesVariablesOfAnotherModel) {
  const std::string model = Copy("keras3-nested");
  fs::remove_all(model + "/variables");
  fs::copy(FixturePath("keras3-shared") + "/model/variables", model + "/variables");
  const tf::Error error = LoadError(At(model));
  EXPECT_TRUE(error.code() == TF_DATA_LOSS || error.code() == TF_NOT_FOUND) << error.what();
  EXPECT_NE(std::string(error.what()).find("variable '"), std::string::npos) << error.what();
}

// Variables' files that are truncated at any length give a typed error. If only unread bytes are missing, the
// model loads.
TEST_F(BadInput, RefusesTruncatedVariables) {
  const std::string model = Copy("keras3-nested");
  for (const char* name : {"/variables/variables.index", "/variables/variables.data-00000-of-00001"}) {
    const std::string whole = ReadFile(model + name, "", bounds::kGraphBytes);
    for (size_t part = 0; part < 16; ++part) {
      fs::resize_file(model + name, whole.size() * part / 16);
      const tf::Error error = LoadError(At(model));
      EXPECT_TRUE(error.code() == TF_DATA_LOSS || error.code() == TF_NOT_FOUND) << error.what();
      EXPECT_NE(std::string(error.what()).find("variables/variables"), std::string::npos) << error.what();
    }
    std::ofstream(model + name, std::ios::binary)
        .write(whole.data(), static_cast<std::streamsize>(whole.size()));
  }
  EXPECT_NO_THROW(ModelGraph::Load(At(model)));
}

TEST_F(BadInput, RefusesATruncatedGraph) {
  for (const char* fixture : {"keras2-shared", "module"}) {
    const std::string model = Copy(fixture);
    const std::string file = model + "/saved_model.pb";
    const std::string whole = ReadFile(file, "", bounds::kGraphBytes);
    for (size_t part = 0; part < 64; ++part) {
      fs::resize_file(file, whole.size() * part / 64);
      EXPECT_EQ(LoadError(At(model)).code(), TF_DATA_LOSS) << part;
      std::ofstream(file, std::ios::binary).write(whole.data(), static_cast<std::streamsize>(whole.size()));
    }
  }
}

// Flips bytes in the whole file. Most bytes belong to names: some damage loads, but none may crash or throw
// another error.
TEST_F(BadInput, DoesNotCrashOnNoise) {
  std::mt19937 random(7);
  int loaded = 0;
  int refused = 0;
  for (const char* fixture : {"keras2-subclassed", "module"}) {
    const std::string model = Copy(fixture);
    for (const char* name : {"/saved_model.pb", "/keras_metadata.pb", "/variables/variables.index"}) {
      const std::string file = model + name;
      if (!fs::exists(file)) continue;
      const std::string whole = ReadFile(file, "", bounds::kGraphBytes);
      for (int round = 0; round < 60; ++round) {
        std::string damaged = whole;
        const int flips = 1 << (round % 8);
        for (int i = 0; i < flips; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
        std::ofstream(file, std::ios::binary)
            .write(damaged.data(), static_cast<std::streamsize>(damaged.size()));
        try {
          ModelGraph::Load(At(model));
          ++loaded;
        } catch (const tf::Error&) {
          ++refused;
        }
      }
      std::ofstream(file, std::ios::binary).write(whole.data(), static_cast<std::streamsize>(whole.size()));
    }
  }
  EXPECT_GT(loaded, 0);
  EXPECT_GT(refused, 0);
}

TEST_F(BadInput, RefusesRandomBytesAsAFrozenGraph) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::string bytes(random() % 300, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    LoadError(At(Write("graph.pb", bytes)));
  }
  ExpectError(At(Write("graph.pb", "")), TF_DATA_LOSS, "holds no graph");
}

TEST_F(BadInput, NamesAnOpThatIsNotPure) {
  LoadOptions options = At(FixturePath("module") + "/model");
  options.signature = "read";
  ExpectError(options, TF_UNIMPLEMENTED, "op ReadFile (node 'ReadFile')");
  EXPECT_EQ(LoadError(options).op(), "ReadFile");
  options.signature = "count";
  ExpectError(options, TF_UNIMPLEMENTED, "variable 'calls', which op AssignAddVariableOp");
}

TEST_F(BadInput, NamesALoopOfTensorflow1) {
  const std::string bytes = GraphBytes({Input(), {"out", "Exit", {"x"}}});
  ExpectError(At(Write("graph.pb", bytes)), TF_UNIMPLEMENTED, "a part of a loop of TensorFlow 1");
}

TEST_F(BadInput, RefusesCraftedGraphs) {
  const auto refuse = [&](const std::string& bytes, TF_Code code, const std::string& message) {
    ExpectError(At(Write("graph.pb", bytes)), code, message);
  };
  refuse(GraphBytes({Input(), {"y", "Relu", {"nothing"}}}), TF_DATA_LOSS, "there is no node 'nothing'");
  refuse(GraphBytes({Input(), {"a", "AddV2", {"x", "b"}}, {"b", "Relu", {"a"}}, {"y", "Relu", {"b"}}}),
         TF_UNIMPLEMENTED, "cycle");
  refuse(GraphBytes({Input(), {"a", "Relu", {"a"}}, {"y", "Relu", {"a"}}}), TF_UNIMPLEMENTED, "cycle");
  refuse(GraphBytes({Input(), CallOf("y", "missing", "x")}), TF_DATA_LOSS,
         "function 'missing' is called but not defined");
  refuse(GraphBytes({Input(), CallOf("y", "f", "x")}, {{"f", {CallOf("again", "f", "x")}, "again:output:0"}}),
         TF_UNIMPLEMENTED, "function 'f' calls itself");
  refuse(GraphBytes({Input(), CallOf("y", "f", "x")}, {{"f", {CallOf("g", "g", "x")}, "g:output:0"},
                                                       {"g", {CallOf("f", "f", "x")}, "f:output:0"}}),
         TF_UNIMPLEMENTED, "calls itself");
  // A call that is its own input through a function that returns its argument.
  refuse(GraphBytes({Input(), CallOf("a", "f", "a"), {"y", "Relu", {"a"}}}, {{"f", {}, "x"}}), TF_DATA_LOSS,
         "does not end");
  refuse(GraphBytes({Input(), CallOf("y", "f", "x")}, {{"f", {{"r", "Relu", {"x"}}}, "r:nothing:0"}}),
         TF_DATA_LOSS, "has no output 'nothing'");
  refuse(GraphBytes({Input(), CallOf("y", "f", "x")}, {{"f", {{"r", "Relu", {"x"}}}, "r:activations:9"}}),
         TF_DATA_LOSS, "has no output");
  refuse(GraphBytes({Input(), CallOf("y", "f", "x")}, {{"f", {}, ""}}), TF_DATA_LOSS, "there is no node");
  refuse(GraphBytes({Input(), {"y", "NoSuchOp", {"x"}}}), TF_UNIMPLEMENTED, "NoSuchOp");
  refuse(GraphBytes({Input(), {"y", "Relu", {"x"}, {{"T", TypeAttr(TF_STRING)}}}}), TF_INVALID_ARGUMENT, "T");
  refuse(GraphBytes({Input(), {"y", "Relu", {"x:5"}}}), TF_INVALID_ARGUMENT, "x");
  refuse(GraphBytes({Input(), {"y", "PartitionedCall", {"x"}, {}}}), TF_DATA_LOSS, "names no function");
  // A placeholder attribute without a value from the call.
  std::string open;
  pbf_writer(open).add_string(9, "T");
  refuse(GraphBytes({Input(), CallOf("y", "f", "x")},
                    {{"f", {{"r", "Relu", {"x"}, {{"T", open}}}}, "r:activations:0"}}),
         TF_DATA_LOSS, "no value was given for attribute 'T'");
}

// The file determines the depth: a long chain must not use a deep stack.
TEST_F(BadInput, DoesNotOverflowTheStackOnADeepGraph) {
  std::vector<CraftedNode> chain = {Input()};
  for (int i = 0; i < 30000; ++i) {
    chain.push_back({"r" + std::to_string(i), "Relu", {i == 0 ? "x" : "r" + std::to_string(i - 1)}});
  }
  const auto model = ModelGraph::Load(At(Write("graph.pb", GraphBytes(chain))));
  EXPECT_EQ(model->output_tensors(), (std::vector<std::string>{"r29999:0"}));

  std::vector<CraftedFunction> functions;
  for (int i = 0; i < 1000; ++i) {
    functions.push_back(
        {"f" + std::to_string(i), {CallOf("c", "f" + std::to_string(i + 1), "x")}, "c:output:0"});
  }
  functions.push_back({"f1000", {{"r", "Relu", {"x"}}}, "r:activations:0"});
  ExpectError(At(Write("graph.pb", GraphBytes({Input(), CallOf("y", "f0", "x")}, functions))),
              TF_OUT_OF_RANGE, "256 calls");

  std::string name = "a";
  for (int i = 0; i < 20000; ++i) name += "/a";
  EXPECT_NO_THROW(ModelGraph::Load(At(Write("graph.pb", GraphBytes({Input(), {name, "Relu", {"x"}}})))));
}

// Twenty functions that each call the next function twice make a million calls.
TEST_F(BadInput, RefusesExponentialCalls) {
  std::vector<CraftedFunction> functions;
  for (int i = 0; i < 20; ++i) {
    const std::string next = "f" + std::to_string(i + 1);
    functions.push_back(
        {"f" + std::to_string(i),
         {CallOf("a", next, "x"), CallOf("b", next, "x"), {"s", "AddV2", {"a:output:0", "b:output:0"}}},
         "s:z:0"});
  }
  functions.push_back({"f20", {{"r", "Relu", {"x"}}}, "r:activations:0"});
  ExpectError(At(Write("graph.pb", GraphBytes({Input(), CallOf("y", "f0", "x")}, functions))),
              TF_OUT_OF_RANGE, "50000 calls");
}

}  // namespace
}  // namespace ke::graph
