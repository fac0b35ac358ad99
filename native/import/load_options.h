#pragma once

#include <string>
#include <vector>

namespace ke::graph {

// Determines the file to load, and the part of the file.
struct LoadOptions {
  std::string path;  // a path that an importer recognises: importers.h
  std::string signature = "serving_default";
  std::vector<std::string> tags = {"serve"};
  // For a frozen GraphDef: tensor names ("x" or "x:0"). Empty: the placeholders, and the nodes without
  // consumers.
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  // Ops that the model may contain in addition to pure ops: op_registry.h.
  std::vector<std::string> allow_ops;
  // Identifies this model's weights on every machine: a hash of its files. Empty: a fingerprint that no other
  // ModelGraph has.
  std::string fingerprint;
};

}  // namespace ke::graph
