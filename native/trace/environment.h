// The graph that a trace is replayed into, and what its symbols stand for there.
#pragma once

#include <map>

#include "graph/scope.h"
#include "trace/trace.h"

namespace ke::trace {

class Trace::Environment {
 public:
  Environment(graph::Scope* scope, const Environment* outer) : scope(scope), outer_(outer) {}

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

  graph::Scope* const scope;

 private:
  const Environment* outer_;
  std::map<SymbolId, TF_Output> values_;
};

}  // namespace ke::trace
