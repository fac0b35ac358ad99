#include "trace/replay.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "control/while_loop.h"
#include "gradient/tape.h"
#include "ir/op_traits.h"
#include "model/size_check.h"
#include "rewrite/bfloat16.h"
#include "trace/add_op.h"
#include "trace/jacobian.h"
#include "trace/stack.h"

namespace ke::trace {

using graph::ModelGraph;
using graph::Scope;
using graph::Shape;

namespace {

// The tensors of each model with respect to which the recording differentiates. All calls of a model share
// its weights, so a gradient with respect to a tensor of one call may pass through another call. The tensors
// are therefore collected per model.
class Differentiated {
 public:
  explicit Differentiated(const Block& block) { Add(block); }

  std::vector<std::string> Of(const ModelGraph& model) const {
    const auto found = tensors_.find(&model);
    std::vector<std::string> names = found == tensors_.end() ? std::vector<std::string>() : found->second;
    if (by_inputs_) names.insert(names.end(), model.input_tensors().begin(), model.input_tensors().end());
    return names;
  }

  // Returns whether a gradient is taken with respect to the symbol.
  bool Has(SymbolId id) const { return symbols_.count(id) > 0; }

 private:
  void Add(const Block& block) {
    for (const Equation& equation : block.equations) {
      if (const auto* call = std::get_if<ModelCall>(&equation.operation)) {
        for (size_t i = 0; i < call->tensors.size(); ++i) {
          of_models_.emplace(equation.outputs[i].id, std::make_pair(call->model.get(), call->tensors[i]));
        }
      }
      for (const SymbolId x : DifferentiatedBy(equation.operation)) {
        symbols_.insert(x);
        const auto found = of_models_.find(x);
        if (found == of_models_.end()) {
          by_inputs_ = true;
        } else {
          tensors_[found->second.first].push_back(found->second.second);
        }
      }
      VisitBlocks(equation.operation, [this](const BlockPtr& body) { Add(*body); });
    }
  }

  std::unordered_set<SymbolId> symbols_;
  std::unordered_map<SymbolId, std::pair<const ModelGraph*, std::string>> of_models_;
  std::map<const ModelGraph*, std::vector<std::string>> tensors_;
  // Whether an x of a gradient is not the output of a model call. The x may then be an input of a call.
  bool by_inputs_ = false;
};

// The tensors of each model from which the first `count` results of a main block are computed without a
// product in between. rewrite/bfloat16.h defines products.
class Logits {
 public:
  Logits(const Block& block, size_t count) {
    std::unordered_map<SymbolId, std::pair<const Equation*, size_t>> made;
    for (const Equation& equation : block.equations) {
      for (size_t i = 0; i < equation.outputs.size(); ++i) made[equation.outputs[i].id] = {&equation, i};
    }
    count = std::min(count, block.results.size());
    std::vector<SymbolId> waiting(block.results.begin(),
                                  block.results.begin() + static_cast<std::ptrdiff_t>(count));
    std::unordered_set<SymbolId> seen;
    while (!waiting.empty()) {
      const SymbolId id = waiting.back();
      waiting.pop_back();
      const auto found = made.find(id);
      if (found == made.end() || !seen.insert(id).second) continue;
      const auto& [equation, output] = found->second;
      if (const auto* call = std::get_if<ModelCall>(&equation->operation)) {
        tensors_[call->model.get()].push_back(call->tensors[output]);
      } else if (const auto* loop = std::get_if<WhileLoop>(&equation->operation)) {
        waiting.push_back(loop->initial[output]);
      } else if (const auto* op = std::get_if<OpCall>(&equation->operation)) {
        if (graph::HasAnyTrait(op->type, {graph::trait::kProduct, graph::trait::kShapeOnly})) continue;
        VisitInputs(equation->operation, [&](SymbolId input) { waiting.push_back(input); });
      }
    }
  }

  std::vector<std::string> Of(const ModelGraph& model) const {
    const auto found = tensors_.find(&model);
    return found == tensors_.end() ? std::vector<std::string>() : found->second;
  }

 private:
  std::map<const ModelGraph*, std::vector<std::string>> tensors_;
};

// The state that the builders of all blocks of one replay share.
struct Shared {
  Shared(const Block& block, size_t logits_count) : differentiated(block), logits(block, logits_count) {}

  // Returns graph::KeepsSamples, computed once per model, input shapes and outputs.
  std::vector<bool> KeepsSamples(const ModelGraph& model, const std::vector<Shape>& inputs,
                                 const std::vector<std::string>& outputs) {
    std::string key = std::to_string(model.serial());
    for (const Shape& shape : inputs) key += ToString(shape);
    for (const std::string& name : outputs) key += "|" + name;
    const auto known = sizes_.find(key);
    if (known != sizes_.end()) return known->second;
    return sizes_[key] = graph::KeepsSamples(model, inputs, outputs);
  }

  const Differentiated differentiated;
  const Logits logits;

 private:
  std::map<std::string, std::vector<bool>> sizes_;
};

bool IsBetterKnown(const Shape& shape, const Shape& than) {
  if (!shape.known_rank) return false;
  if (!than.known_rank) return true;
  if (shape.rank() != than.rank()) return false;
  for (size_t i = 0; i < shape.dims.size(); ++i) {
    if (shape.dims[i] >= 0 && than.dims[i] < 0) return true;
  }
  return false;
}

// Builds one block into a graph.
class Builder {
 public:
  Builder(Scope* scope, Builder* outer, Shared* shared) : scope_(scope), outer_(outer), shared_(shared) {}

  TF_Output Get(SymbolId id) const {
    const auto own = values_.find(id);
    if (own != values_.end()) return own->second;
    if (outer_ == nullptr) throw tf::Error(TF_INVALID_ARGUMENT, "a symbol of another trace was used");
    return scope_->Import(outer_->Get(id));
  }
  std::vector<TF_Output> Get(const std::vector<SymbolId>& ids) const {
    std::vector<TF_Output> tensors;
    tensors.reserve(ids.size());
    for (const SymbolId id : ids) tensors.push_back(Get(id));
    return tensors;
  }
  TF_Output GetOrNone(SymbolId id) const { return id == kNoSymbol ? TF_Output{nullptr, 0} : Get(id); }

  // Builds `block` with `arguments` as its parameters, and returns the tensors of the results.
  std::vector<TF_Output> Build(const Block& block, const std::vector<TF_Output>& arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) values_[block.parameters[i].symbol.id] = arguments[i];
    for (const Equation& equation : block.equations) {
      scope_->BeginNamesWith(equation.scope);
      std::vector<TF_Output> made =
          std::visit([this](const auto& operation) { return Add(operation); }, equation.operation);
      for (size_t i = 0; i < made.size(); ++i) {
        if (std::holds_alternative<Constant>(equation.operation) &&
            shared_->differentiated.Has(equation.outputs[i].id)) {
          // A loop's body captures an Identity, but copies a small Const: no path would lead from the Const
          // into the loop.
          made[i] = scope_->Op("Identity").In(made[i]).Out();
        }
        if (std::holds_alternative<OpCall>(equation.operation)) KeepShape(made[i], equation.outputs[i].shape);
        values_[equation.outputs[i].id] = made[i];
      }
    }
    scope_->BeginNamesWith({});
    return Get(block.results);
  }

  std::vector<TF_Output> Placeholders(const Block& block) {
    std::vector<TF_Output> placeholders;
    for (const auto& [symbol, name] : block.parameters) {
      placeholders.push_back(scope_->Placeholder(symbol.dtype, symbol.shape, name));
    }
    return placeholders;
  }

 private:
  std::vector<TF_Output> Add(const Constant& op) { return {scope_->Const(op.value.get())}; }

  std::vector<TF_Output> Add(const OpCall& op) {
    return AddOp(scope_, op, [this](SymbolId id) { return Get(id); });
  }

  std::vector<TF_Output> Add(const ModelCall& op) {
    const std::vector<TF_Output> inputs = Get(op.inputs);
    // Whether each output keeps one row per sample, if the inputs have a size that the model does not
    // declare.
    std::vector<bool> keeps(op.tensors.size(), true);
    if (!op.declared) {
      std::vector<Shape> shapes;
      for (const TF_Output& input : inputs) shapes.push_back(scope_->GetShape(input));
      keeps = shared_->KeepsSamples(*op.model, shapes, op.tensors);
    }
    std::vector<TF_Output> outputs = op.model->Instantiate(
        scope_, inputs, op.tensors, shared_->differentiated.Of(*op.model), shared_->logits.Of(*op.model));
    if (op.declared) return outputs;
    const std::vector<bool> used = op.model->UsedByOthers(op.tensors);
    for (size_t i = 0; i < op.tensors.size(); ++i) {
      // A number of rows that is unknown before the run is checked by the run. Only outputs that no other
      // output depends on get this check, because no gradient is taken with respect to such an output.
      if (keeps[i] || used[i]) continue;
      outputs[i] = graph::WithRowsOf(scope_, *op.model, inputs[0], outputs[i]);
    }
    return outputs;
  }

  std::vector<TF_Output> Add(const GradientCall& op) {
    std::vector<TF_Output> grads;
    for (const SymbolId id : op.grad_ys) grads.push_back(GetOrNone(id));
    return gradient::Gradient(scope_, scope_, Get(op.ys), Get(op.xs), grads, {op.overrides});
  }

  std::vector<TF_Output> Add(const JacobianLoop& op) {
    const auto reduce = [&](Scope* scope, const std::vector<TF_Output>& gradients) {
      return Builder(scope, this, shared_).Build(*op.body, gradients)[0];
    };
    return {AddJacobian(scope_, Get(op.ys), Get(op.xs), {op.overrides}, reduce)};
  }

  std::vector<TF_Output> Add(const StackLoop& op) {
    const auto turn = [&](Scope* scope, TF_Output index) {
      return WithShape(scope, Builder(scope, this, shared_).Build(*op.body, {index})[0], op.turn);
    };
    return {AddStack(scope_, Get(op.count), op.once_at_least, turn)};
  }

  std::vector<TF_Output> Add(const WhileLoop& op) {
    Scope condition(scope_);
    Builder in_condition(&condition, this, shared_);
    const std::vector<TF_Output> condition_arguments = in_condition.Placeholders(*op.condition);
    const std::vector<TF_Output> more = in_condition.Build(*op.condition, condition_arguments);
    Scope body(scope_);
    Builder in_body(&body, this, shared_);
    const std::vector<TF_Output> body_arguments = in_body.Placeholders(*op.body);
    const std::vector<TF_Output> next = in_body.Build(*op.body, body_arguments);
    return control::AddWhile(scope_, &condition, condition_arguments, more[0], &body, body_arguments, next,
                             Get(op.initial), {GetOrNone(op.count)});
  }

  // Sets the recorded shape of `tensor` if that shape has more known dims than TensorFlow infers. TensorFlow
  // infers less in a body if a value was merged with an equal value outside the body.
  void KeepShape(TF_Output tensor, const Shape& recorded) {
    if (!IsBetterKnown(recorded, scope_->GetShape(tensor))) return;
    tf::Status status;
    tf::C().TF_GraphSetTensorShape(scope_->graph(), tensor, recorded.dims.data(), recorded.rank(), status);
    status.Check(tf::C().TF_OperationName(tensor.oper));
  }

  Scope* const scope_;
  Builder* const outer_;
  Shared* const shared_;
  std::unordered_map<SymbolId, TF_Output> values_;
};

}  // namespace

std::vector<TF_Output> Replay(const Block& block, Scope* scope, std::vector<TF_Output>* feeds,
                              size_t logits) {
  Shared shared(block, logits);
  Builder builder(scope, nullptr, &shared);
  *feeds = builder.Placeholders(block);
  return builder.Build(block, *feeds);
}

}  // namespace ke::trace
