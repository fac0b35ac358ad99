// GraphDefs made by hand, and what loading them answers.
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

// Of one argument x and one result y.
struct CraftedFunction {
  std::string name;
  std::vector<CraftedNode> nodes;
  std::string result;
};

// A serialised GraphDef.
std::string GraphBytes(const std::vector<CraftedNode>& nodes,
                       const std::vector<CraftedFunction>& functions = {});

// Placeholder x of floats.
CraftedNode Input(const Shape& shape = Shape::Of({-1, 2}));
CraftedNode CallOf(const std::string& name, const std::string& function, const std::string& input);
// A Const: `tensor` is a serialised TensorProto.
CraftedNode ConstOf(const std::string& name, TF_DataType dtype, const std::string& tensor);
// A TensorProto of that shape: `content`, as bytes or, where there are none, one float.
std::string TensorOf(TF_DataType dtype, const std::vector<int64_t>& dims, const std::string& content = {});
std::string IntAttr(int64_t value);

LoadOptions At(const std::string& path);
// The error of loading; fails the current test where there is none.
tf::Error LoadError(const LoadOptions& options);
void ExpectError(const LoadOptions& options, TF_Code code, const std::string& message);

// A folder of its own for each test, removed at the end.
class BadInput : public ::testing::Test {
 protected:
  BadInput();
  ~BadInput() override;

  // A fixture's model, copied there.
  std::string Copy(const std::string& fixture) const;
  std::string Write(const std::string& name, const std::string& bytes) const;
  void Refuse(const std::string& graph, TF_Code code, const std::string& message) const {
    ExpectError(At(Write("graph.pb", graph)), code, message);
  }

  std::filesystem::path folder_;
};

}  // namespace ke::graph
