#include "graph/op_registry.h"

#include <algorithm>
#include <array>

namespace ke::graph {
namespace {

using tf::C;

// Stateful by their definition, for their generator's state only: a graph that has them still computes.
constexpr std::array<std::string_view, 10> kRandomOps = {
    "Multinomial",          "ParameterizedTruncatedNormal",
    "RandomGamma",          "RandomPoissonV2",
    "RandomShuffle",        "RandomUniformInt",
    "RandomStandardNormal", "TruncatedNormal",
    "RandomUniform",        "RandomPoisson"};

// Stateful by its definition so that TensorFlow does not drop it: it passes its input on, or fails.
constexpr std::string_view kCheckOp = "CheckNumerics";

// Not stateful by their definition, and yet they touch what lies outside the graph.
constexpr std::array<std::string_view, 17> kOutsideOps = {
    "ReadFile",
    "WriteFile",
    "MatchingFiles",
    "ImmutableConst",
    "PyFuncStateless",
    "PyFunc",
    "EagerPyFunc",
    "Save",
    "SaveV2",
    "SaveSlices",
    "Restore",
    "RestoreV2",
    "RestoreSlice",
    "MergeV2Checkpoints",
    "ShardedFilename",
    "ShardedFilespec",
    "LoadAndRemapMatrix",
};

template <typename Ops>
bool Contains(const Ops& ops, std::string_view op) {
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}

}  // namespace

OpRegistry::OpRegistry() : scratch_(C().TF_NewGraph()) {}

const proto::OpDef* OpRegistry::Find(std::string_view op) {
  const auto known = entries_.find(op);
  if (known != entries_.end()) return known->second == nullptr ? nullptr : &known->second->definition;
  const std::string name(op);
  tf::Status status;
  const tf::BufferPtr buffer = tf::NewBuffer();
  C().TF_GraphGetOpDef(scratch_.get(), name.c_str(), buffer.get(), status);
  std::unique_ptr<Entry> entry;
  if (status.ok()) {
    entry = std::make_unique<Entry>();
    entry->bytes = tf::View(buffer.get());
    entry->definition = proto::ReadOp(entry->bytes, "the definition of op " + name);
  }
  const auto& kept = entries_.emplace(name, std::move(entry)).first->second;
  return kept == nullptr ? nullptr : &kept->definition;
}

const proto::OpDef& OpRegistry::Get(std::string_view op, std::string_view node) {
  if (const proto::OpDef* definition = Find(op)) return *definition;
  throw tf::Error(TF_UNIMPLEMENTED,
                  "node '" + std::string(node) + "' is of op " + std::string(op) + ", which TensorFlow " +
                      C().TF_Version() +
                      " does not know: the model needs a custom op library or a newer TensorFlow",
                  std::string(node));
}

bool OpRegistry::MayHaveEffects(std::string_view op) {
  const proto::OpDef* definition = Find(op);
  return definition == nullptr || definition->is_stateful;
}

void OpRegistry::CheckPure(std::string_view op, std::string_view node) {
  const proto::OpDef& definition = Get(op, node);
  const char* reason = nullptr;
  if (!definition.function_attrs.empty()) {
    reason = "runs a function in a way that is not supported yet (control flow)";
  } else if (Contains(kOutsideOps, op)) {
    reason = "reaches outside the graph (files or foreign code), which a model to explain must not do";
  } else if (definition.is_stateful && !Contains(kRandomOps, op) && op != kCheckOp) {
    reason = "keeps or needs state beyond its inputs";
  }
  if (reason == nullptr) return;
  throw tf::Error(TF_UNIMPLEMENTED,
                  "the model's outputs need op " + std::string(op) + " (node '" + std::string(node) +
                      "'), which " + reason +
                      "; choose outputs that do not need it, or save the model without it",
                  std::string(node));
}

}  // namespace ke::graph
