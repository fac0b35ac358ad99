#include "trace/simplify.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "ir/op_traits.h"
#include "trace/dependence.h"
#include "trace/encode.h"

namespace ke::trace {

namespace {

bool IsRepeatable(const Block& block);

// Returns whether equal inputs always produce equal outputs. A loop is repeatable if its bodies are.
bool IsRepeatable(const Operation& operation) {
  if (const auto* op = std::get_if<OpCall>(&operation)) return graph::IsRepeatable(op->type);
  if (const auto* call = std::get_if<ModelCall>(&operation)) return call->model->is_repeatable();
  bool repeatable = true;
  VisitBlocks(operation, [&](const BlockPtr& body) { repeatable = repeatable && IsRepeatable(*body); });
  return repeatable;
}

bool IsRepeatable(const Block& block) {
  return std::all_of(block.equations.begin(), block.equations.end(),
                     [](const Equation& equation) { return IsRepeatable(equation.operation); });
}

class Simplifier {
 public:
  Simplifier(const Block& block, const std::vector<SymbolId>& results)
      : live_(FindLive(block, results)), dependence_(block, live_) {}

  Block Rewrite(const Block& block, const std::vector<SymbolId>& results) {
    Block made;
    made.parameters = block.parameters;
    tables_.emplace_back();
    for (const Equation& recorded : block.equations) {
      if (!IsLive(recorded)) continue;
      Equation equation = Used(recorded);
      VisitInputs(equation.operation, [this](SymbolId& id) { id = Replaced(id); });
      VisitBlocks(equation.operation, [this](BlockPtr& body) {
        body = std::make_shared<const Block>(Rewrite(*body, body->results));
      });
      Place(std::move(equation), &made);
    }
    tables_.pop_back();
    for (const SymbolId id : results) made.results.push_back(Replaced(id));
    return made;
  }

 private:
  // Equations that were merged into one, and the position of that equation in a block that is still being
  // built.
  struct Merged {
    Block* block;
    size_t position;
    std::vector<int> equations;
  };

  bool IsLive(SymbolId id) const { return static_cast<size_t>(id) < live_.size() && live_[id]; }
  bool IsLive(const Equation& equation) const {
    return std::any_of(equation.outputs.begin(), equation.outputs.end(),
                       [this](const Symbol& output) { return IsLive(output.id); });
  }
  SymbolId Replaced(SymbolId id) const {
    const auto found = replaced_.find(id);
    return found == replaced_.end() ? id : found->second;
  }

  // Returns `equation` without the outputs of models and gradients that nothing uses.
  Equation Used(const Equation& equation) const {
    Equation used = equation;
    const auto keep = [&](auto* asked) {
      used.outputs.clear();
      asked->clear();
      return [this, &equation, &used, asked](const auto& all) {
        for (size_t i = 0; i < all.size(); ++i) {
          if (!IsLive(equation.outputs[i].id)) continue;
          asked->push_back(all[i]);
          used.outputs.push_back(equation.outputs[i]);
        }
      };
    };
    if (auto* call = std::get_if<ModelCall>(&used.operation)) {
      keep (&call->tensors)(std::get<ModelCall>(equation.operation).tensors);
    } else if (auto* gradient = std::get_if<GradientCall>(&used.operation)) {
      keep (&gradient->xs)(std::get<GradientCall>(equation.operation).xs);
    }
    return used;
  }

  // Adds the equation to `block`, or merges it with an equal equation of `block` or of an enclosing block.
  void Place(Equation equation, Block* block) {
    if (!IsRepeatable(equation.operation)) {
      block->equations.push_back(std::move(equation));
      return;
    }
    const int number = dependence_.EquationOf(equation.outputs.front().id);
    std::string key = KeyOf(equation.operation);
    for (auto table = tables_.rbegin(); table != tables_.rend(); ++table) {
      const auto found = table->find(key);
      if (found == table->end()) continue;
      for (Merged& merged : found->second) {
        if (!MayJoin(merged, number, equation)) continue;
        merged.equations.push_back(number);
        Join(equation, &merged.block->equations[merged.position]);
        return;
      }
    }
    tables_.back()[std::move(key)].push_back({block, block->equations.size(), {number}});
    block->equations.push_back(std::move(equation));
  }

  bool MayJoin(const Merged& merged, int number, const Equation& equation) {
    if (const auto* constant = std::get_if<Constant>(&equation.operation)) {
      const Equation& other = merged.block->equations[merged.position];
      if (!SameContent(constant->value.get(), std::get<Constant>(other.operation).value.get())) return false;
    }
    return std::all_of(merged.equations.begin(), merged.equations.end(),
                       [&](int other) { return dependence_.MayMerge(number, other); });
  }

  void Join(const Equation& equation, Equation* into) {
    auto* call = std::get_if<ModelCall>(&into->operation);
    if (call == nullptr) {
      for (size_t i = 0; i < equation.outputs.size(); ++i) {
        replaced_[equation.outputs[i].id] = into->outputs[i].id;
      }
      return;
    }
    const std::vector<std::string>& tensors = std::get<ModelCall>(equation.operation).tensors;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const auto known = std::find(call->tensors.begin(), call->tensors.end(), tensors[i]);
      if (known == call->tensors.end()) {
        call->tensors.push_back(tensors[i]);
        into->outputs.push_back(equation.outputs[i]);
      } else {
        replaced_[equation.outputs[i].id] = into->outputs[known - call->tensors.begin()].id;
      }
    }
  }

  const std::vector<bool> live_;
  Dependence dependence_;
  std::unordered_map<SymbolId, SymbolId> replaced_;
  std::vector<std::unordered_map<std::string, std::vector<Merged>>>
      tables_;  // of the enclosing blocks and, last, of this block
};

}  // namespace

Block Simplify(const Block& block, const std::vector<SymbolId>& results) {
  return Simplifier(block, results).Rewrite(block, results);
}

}  // namespace ke::trace
