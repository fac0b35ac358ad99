#pragma once

#include <string>
#include <vector>

namespace ke::graph {

// Which file is loaded, and which part of it.
struct LoadOptions {
  std::string path;  // any that an importer recognises: importers.h
  std::string signature = "serving_default";
  std::vector<std::string> tags = {"serve"};
  // For a frozen GraphDef: tensor names ("x" or "x:0"). Empty: its placeholders, and the ends of the graph.
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  // Ops beyond those that only compute which the model may hold: op_registry.h.
  std::vector<std::string> allow_ops;
  // What tells this model's weights from all others, on every machine: a hash of its files. Empty: one that
  // no other ModelGraph has.
  std::string fingerprint;
};

}  // namespace ke::graph
