#include "import/function_bodies.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <set>
#include <utility>

#include "ir/op_traits.h"
#include "ir/unique_names.h"
#include "tensorflow/import_graph.h"

namespace ke::graph {

using tf::C;

namespace {

constexpr size_t kNameLength = 80;

// FNV-1a. Names only need to differ where functions differ by chance. Add() compares equal names.
std::string HashOf(std::string_view bytes) {
  uint64_t hash = 14695981039346656037U;
  for (const char byte : bytes) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 1099511628211U;
  }
  std::string text;
  for (int i = 0; i < 16; ++i, hash >>= 4) text += "0123456789abcdef"[hash & 15];
  return text;
}

// Returns a name that TensorFlow accepts, for the name in the file.
std::string Cleaned(std::string_view name) {
  std::string clean;
  for (const char c : name.substr(0, kNameLength)) {
    clean += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return clean;
}

// Returns an Identity of `tensor`.
TF_Output IdentityOf(TF_Graph* graph, TF_Output tensor, const std::string& name) {
  TF_OperationDescription* description = C().TF_NewOperation(graph, "Identity", name.c_str());
  C().TF_AddInput(description, tensor);
  tf::Status status;
  TF_Operation* op = C().TF_FinishOperation(description, status);
  status.Check(name);
  return {op, 0};
}

TF_Output Find(TF_Graph* graph, const FlatGraph& body, const TensorId& tensor) {
  const std::string& name = body.nodes[tensor.node].name;
  const TF_Output found{C().TF_GraphOperationByName(graph, name.c_str()), tensor.output};
  if (found.oper != nullptr && tensor.output < C().TF_OperationNumOutputs(found.oper)) return found;
  throw tf::Error(
      TF_DATA_LOSS,
      "the model's graph contradicts itself: '" + name + "' has no output " + std::to_string(tensor.output),
      name);
}

}  // namespace

FunctionBody FunctionBodies::Add(FlatGraph body, std::vector<TensorId> results, std::string_view name,
                                 const std::string& versions) {
  FunctionBody made;
  std::string graph_def;
  for (const FlatNode& node : body.nodes) AppendNode(body, node, &graph_def);
  AppendVersions(versions, &graph_def);
  const tf::GraphPtr graph = tf::GraphOf(graph_def);
  std::vector<TF_Output> inputs;
  std::vector<TF_Output> outputs;
  std::string key = graph_def;
  for (const TensorId& input : body.inputs) {
    inputs.push_back(Find(graph.get(), body, input));
    key += "\n" + body.TensorName(input);
  }
  key += "\n=>";
  std::set<TensorId> seen;
  UniqueNames names;
  for (const FlatNode& node : body.nodes) names.Make(node.name);
  for (const TensorId& result : results) {
    outputs.push_back(Find(graph.get(), body, result));
    // A function must not return an argument, or one tensor twice.
    if (body.nodes[result.node].kind != FlatNode::Kind::kOp || !seen.insert(result).second) {
      outputs.back() = IdentityOf(graph.get(), outputs.back(), names.Make("result"));
    }
    made.results.push_back(C().TF_OperationOutputType(outputs.back()));
    key += "\n" + body.TensorName(result);
  }
  for (const FlatNode& node : body.nodes) {
    if (node.kind == FlatNode::Kind::kOp && ops_.MayHaveEffects(node.op)) made.is_stateful = true;
  }
  made.name = Cleaned(name) + "_" + HashOf(key);
  const auto [known, added] = keys_.emplace(made.name, key);
  if (!added && known->second != key) {
    throw tf::Error(TF_DATA_LOSS, "two functions of the model cannot be told apart: " + made.name, made.name);
  }
  if (!added) return made;
  tf::Status status;
  const tf::FunctionPtr function(C().TF_GraphToFunction(
      graph.get(), made.name.c_str(), 0, -1, nullptr, static_cast<int>(inputs.size()), inputs.data(),
      static_cast<int>(outputs.size()), outputs.data(), nullptr, nullptr, nullptr, status));
  status.Check(std::string(name));
  const tf::BufferPtr definition = tf::NewBuffer();
  C().TF_FunctionToFunctionDef(function.get(), definition.get(), status);
  status.Check(std::string(name));
  FlatFunction flat{made.name, std::move(body.nodes), std::move(body.inputs), std::move(results),
                    std::string(tf::View(definition.get()))};
  graph_.functions.emplace(made.name, std::move(flat));
  return made;
}

}  // namespace ke::graph
