// The graph that a trace is replayed into, and what its symbols stand for there.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "build/scope.h"
#include "model/size_check.h"
#include "trace/trace.h"

namespace ke::trace {

class Trace::Environment {
 public:
  Environment(graph::Scope* scope, Environment* outer) : scope(scope), outer_(outer) {}

  TF_Output Get(SymbolId id) const {
    const auto own = values_.find(id);
    if (own != values_.end()) return own->second;
    if (outer_ == nullptr) throw tf::Error(TF_INVALID_ARGUMENT, "a symbol of another trace was used");
    return scope->Import(outer_->Get(id));
  }
  std::vector<TF_Output> Get(const std::vector<SymbolId>& ids) const {
    std::vector<TF_Output> tensors;
    tensors.reserve(ids.size());
    for (const SymbolId id : ids) tensors.push_back(Get(id));
    return tensors;
  }
  void Set(SymbolId id, TF_Output tensor) { values_[id] = tensor; }
  void Set(const std::vector<SymbolId>& ids, const std::vector<TF_Output>& tensors) {
    for (size_t i = 0; i < ids.size(); ++i) Set(ids[i], tensors[i]);
  }

  // graph::KeepsSamples, once per size and replay.
  std::vector<bool> KeepsSamples(const graph::ModelGraph& model, const std::vector<graph::Shape>& inputs,
                                 const std::vector<std::string>& outputs) {
    if (outer_ != nullptr) return outer_->KeepsSamples(model, inputs, outputs);
    std::string key = std::to_string(reinterpret_cast<uintptr_t>(&model));
    for (const graph::Shape& shape : inputs) key += ToString(shape);
    for (const std::string& name : outputs) key += "|" + name;
    const auto known = sizes_.find(key);
    if (known != sizes_.end()) return known->second;
    return sizes_[key] = graph::KeepsSamples(model, inputs, outputs);
  }

  graph::Scope* const scope;

 private:
  Environment* outer_;
  std::map<SymbolId, TF_Output> values_;
  std::map<std::string, std::vector<bool>> sizes_;
};

}  // namespace ke::trace
