// Imports a serialised GraphDef into a graph. This is the only caller of TensorFlow's import.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensorflow/handles.h"

namespace ke::tf {

// A tensor of the GraphDef, by the name of its node in the GraphDef.
struct NamedOutput {
  std::string node;
  int index = 0;
};

struct ImportOptions {
  std::string prefix;  // of the imported names: "model_1" makes "model_1/dense/MatMul"; empty: none
  // The tensors that replace tensors of the GraphDef. The nodes of the replaced tensors may be missing in the
  // GraphDef.
  struct Mapping {
    NamedOutput from;
    TF_Output to;
  };
  std::vector<Mapping> inputs;
  std::vector<NamedOutput> outputs;
};

// Adds the nodes to `graph`. Returns the imported tensors of `options.outputs`. Throws Error, with `op` as
// its op, if TensorFlow refuses the GraphDef.
std::vector<TF_Output> ImportGraphDef(TF_Graph* graph, std::string_view graph_def,
                                      const ImportOptions& options = {}, const std::string& op = {});

// Returns a graph of these nodes alone.
GraphPtr GraphOf(std::string_view graph_def);

}  // namespace ke::tf
