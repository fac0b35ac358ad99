#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "import/importers.h"
#include "tensorflow/handles.h"

namespace ke::graph {

// A file with the GraphDef of a frozen model: the variables are Consts, and everything is in the file.
extern const Importer kFrozenGraph;

// A tensor at which a model begins or ends, under the name that its file gives the tensor.
struct NamedTensor {
  std::string name;
  std::string tensor;  // "x" or "x:0"
};

// A frozen graph whose large weights are not in the GraphDef. TensorFlow.js stores models in this way.
struct GraphParts {
  std::string path;  // of the file, for messages
  std::string graph_def;
  // The values of variables (VariableV2 in the top-level graph) by the names of their nodes. A value has the
  // dtype that the graph declares.
  std::map<std::string, std::shared_ptr<TF_Tensor>, std::less<>> variables;
  std::vector<NamedTensor> inputs;   // empty: the placeholders
  std::vector<NamedTensor> outputs;  // empty: the nodes without consumers, without strings beside numbers
  std::vector<std::string> allow_ops;
  bool allow_random = false;
};

// Throws the errors of ModelGraph::Load.
ImportedModel ImportGraphParts(const GraphParts& parts);

}  // namespace ke::graph
