// Handmade GraphDefs, and checks of the errors from loading them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ir/flat_graph.h"
#include "model/model_graph.h"
#include "tensorflow/error.h"

namespace ke::graph {

struct CraftedNode {
  std::string name;
  std::string op;
  std::vector<std::string> inputs;
  std::vector<std::pair<std::string, std::string>> attrs = {{"T", TypeAttr(TF_FLOAT)}};
};

// A function with the arguments x, x1, x2, ... and one result y.
struct CraftedFunction {
  std::string name;
  std::vector<CraftedNode> nodes;
  std::string result;
  TF_DataType result_dtype = TF_FLOAT;
  std::vector<TF_DataType> arguments = {TF_FLOAT};
};

// Returns a serialised GraphDef.
std::string GraphBytes(const std::vector<CraftedNode>& nodes,
                       const std::vector<CraftedFunction>& functions = {});

// Returns the float placeholder x.
CraftedNode Input(const Shape& shape = Shape::Of({-1, 2}));
CraftedNode CallOf(const std::string& name, const std::string& function, const std::string& input);
// Returns a Const. `tensor` is a serialised TensorProto.
CraftedNode ConstOf(const std::string& name, TF_DataType dtype, const std::string& tensor);
// Returns a TensorProto of the given shape with `content` as its bytes. If `content` is empty, a float tensor
// has the single value 1.
std::string TensorOf(TF_DataType dtype, const std::vector<int64_t>& dims, const std::string& content = {});

LoadOptions At(const std::string& path);
// Returns the error of loading. Fails the current test if loading succeeds.
tf::Error LoadError(const LoadOptions& options);
void ExpectError(const LoadOptions& options, TF_Code code, const std::string& message);

// Makes a temporary folder for each test and removes the folder at the end.
class BadInput : public ::testing::Test {
 protected:
  BadInput();
  ~BadInput() override;

  // Copies the model of a fixture into the folder and returns the path of the copy.
  std::string Copy(const std::string& fixture) const;
  std::string Write(const std::string& name, const std::string& bytes) const;
  void Refuse(const std::string& graph, TF_Code code, const std::string& message) const {
    ExpectError(At(Write("graph.pb", graph)), code, message);
  }

  std::filesystem::path folder_;
};

}  // namespace ke::graph
