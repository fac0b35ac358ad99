#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ke::graph {

// Determines the file to load, and the part of the file.
struct LoadOptions {
  std::string path;  // a path that an importer recognises: importers.h
  // Of a SavedModel. Refused for other formats.
  std::optional<std::string> signature;
  std::optional<std::vector<std::string>> tags;
  // The inputs and outputs, in this order. For a SavedModel: keys of the signature; empty: all inputs, and
  // all outputs without the strings beside numbers. For a frozen GraphDef: tensor names ("x" or "x:0");
  // empty: the placeholders, and the nodes without consumers.
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  // Ops that the model may contain in addition to pure ops: op_registry.h.
  std::vector<std::string> allow_ops;
  // Whether the model may draw random numbers. Their seed is then the last input of the model.
  bool allow_random = false;
  // Identifies this model's weights on every machine: a hash of its files. Empty: a fingerprint that no other
  // ModelGraph has.
  std::string fingerprint;

  std::string SignatureOrDefault() const { return signature.value_or("serving_default"); }
  std::vector<std::string> TagsOrDefault() const { return tags.value_or(std::vector<std::string>{"serve"}); }
};

}  // namespace ke::graph
