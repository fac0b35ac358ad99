// A serialised GraphDef as a part of a graph: the only caller of TensorFlow's import.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensorflow/handles.h"

namespace ke::tf {

// A tensor of the GraphDef, by its node's name there.
struct NamedOutput {
  std::string node;
  int index = 0;
};

struct ImportOptions {
  std::string prefix;  // of the names in the graph: "model_1" makes "model_1/dense/MatMul"; empty: none
  // What stands for a tensor of the GraphDef, whose node need not be in it.
  struct Mapping {
    NamedOutput from;
    TF_Output to;
  };
  std::vector<Mapping> inputs;
  std::vector<NamedOutput> outputs;
};

// Adds the nodes to `graph`. Returns the tensors that `options.outputs` have become. Throws Error, in the
// name of `op`, where TensorFlow refuses the GraphDef.
std::vector<TF_Output> ImportGraphDef(TF_Graph* graph, std::string_view graph_def,
                                      const ImportOptions& options = {}, const std::string& op = {});

// A graph of these nodes alone.
GraphPtr GraphOf(std::string_view graph_def);

}  // namespace ke::tf
