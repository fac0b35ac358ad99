#include "trace/dependence.h"

#include <algorithm>

namespace ke::trace {

namespace {

void Mark(SymbolId id, std::vector<bool>* live) {
  const auto index = static_cast<size_t>(id);
  if (index >= live->size()) live->resize(index + 1, false);
  (*live)[index] = true;
}

bool IsLive(SymbolId id, const std::vector<bool>& live) {
  return static_cast<size_t>(id) < live.size() && live[id];
}

bool IsLive(const Equation& equation, const std::vector<bool>& live) {
  return std::any_of(equation.outputs.begin(), equation.outputs.end(),
                     [&](const Symbol& output) { return IsLive(output.id, live); });
}

void MarkUses(const Block& block, std::vector<bool>* live) {
  for (const SymbolId id : block.results) Mark(id, live);
  for (auto equation = block.equations.rbegin(); equation != block.equations.rend(); ++equation) {
    // A call at a size that the model does not declare stays: the replay finds out whether the model accepts
    // the size.
    const auto* call = std::get_if<ModelCall>(&equation->operation);
    if (call != nullptr && !call->declared) {
      for (const Symbol& output : equation->outputs) Mark(output.id, live);
    }
    if (!IsLive(*equation, *live)) continue;
    if (const auto* gradient = std::get_if<GradientCall>(&equation->operation)) {
      for (size_t i = 0; i < gradient->xs.size(); ++i) {
        if (IsLive(equation->outputs[i].id, *live)) Mark(gradient->xs[i], live);
      }
      for (const SymbolId id : gradient->ys) Mark(id, live);
      for (const SymbolId id : gradient->grad_ys) {
        if (id != kNoSymbol) Mark(id, live);
      }
      continue;
    }
    VisitInputs(equation->operation, [&](SymbolId id) { Mark(id, live); });
    VisitBlocks(equation->operation, [&](const BlockPtr& body) { MarkUses(*body, live); });
  }
}

}  // namespace

std::vector<bool> FindLive(const Block& block, const std::vector<SymbolId>& results) {
  std::vector<bool> live;
  for (const SymbolId id : results) Mark(id, &live);
  MarkUses(block, &live);
  return live;
}

Dependence::Dependence(const Block& block, const std::vector<bool>& live) { Add(block, live); }

void Dependence::Add(const Block& block, const std::vector<bool>& live) {
  for (const Equation& equation : block.equations) {
    if (!IsLive(equation, live)) continue;
    const auto made = [this](SymbolId id, std::vector<int>* equations) {
      const int number = EquationOf(id);
      if (number >= 0) equations->push_back(number);
    };
    VisitBlocks(equation.operation, [&](const BlockPtr& body) { Add(*body, live); });
    std::vector<int> uses;
    VisitInputs(equation.operation, [&](SymbolId id) { made(id, &uses); });
    VisitBlocks(equation.operation, [&](const BlockPtr& body) {
      for (const SymbolId id : body->results) made(id, &uses);
    });

    const std::vector<SymbolId>& xs = DifferentiatedBy(equation.operation);
    if (!xs.empty()) {
      Differentiated differentiated;
      if (const auto* gradient = std::get_if<GradientCall>(&equation.operation)) {
        for (const SymbolId id : gradient->ys) made(id, &differentiated.ys);
      } else {
        made(std::get<JacobianLoop>(equation.operation).ys, &differentiated.ys);
      }
      const auto number = static_cast<int>(differentiated_.size());
      for (const SymbolId id : xs) {
        const int x = EquationOf(id);
        if (x >= 0) by_[x].push_back(number);
      }
      differentiated_.push_back(std::move(differentiated));
    }

    const auto number = static_cast<int>(uses_.size());
    uses_.push_back(std::move(uses));
    for (const Symbol& output : equation.outputs) equations_.emplace(output.id, number);
  }
}

int Dependence::EquationOf(SymbolId id) const {
  const auto found = equations_.find(id);
  return found == equations_.end() ? -1 : found->second;
}

bool Dependence::Follows(int x, int other) {
  const auto found = by_.find(x);
  if (found == by_.end()) return false;
  for (const int number : found->second) {
    Differentiated& differentiated = differentiated_[number];
    if (differentiated.from.empty()) {
      differentiated.from.resize(uses_.size(), false);
      std::vector<int> waiting = differentiated.ys;
      while (!waiting.empty()) {
        const int equation = waiting.back();
        waiting.pop_back();
        if (differentiated.from[equation]) continue;
        differentiated.from[equation] = true;
        waiting.insert(waiting.end(), uses_[equation].begin(), uses_[equation].end());
      }
    }
    if (differentiated.from[other]) return true;
  }
  return false;
}

bool Dependence::MayMerge(int a, int b) { return !Follows(a, b) && !Follows(b, a); }

}  // namespace ke::trace
