#include "trace/trace.h"

#include <utility>

#include "gradient/tape.h"
#include "trace/add_op.h"
#include "trace/checks.h"
#include "trace/encode.h"
#include "trace/replay.h"
#include "trace/simplify.h"
#include "trace/stack.h"

namespace ke::trace {

using graph::ModelGraph;
using graph::Scope;
using graph::Shape;
using graph::TensorSpec;

namespace {

// The maximum size of an integer constant that is reused. Axes and sizes recur with every op. Floating
// constants are not reused here, because a gradient may be taken with respect to one. Simplify merges
// floating constants if the merge changes no gradient.
constexpr size_t kSmallBytes = 64;

bool IsSmallInteger(const TF_Tensor* value) {
  const TF_DataType dtype = tf::C().TF_TensorType(value);
  return (dtype == TF_INT32 || dtype == TF_INT64 || dtype == TF_BOOL) &&
         tf::C().TF_TensorByteSize(value) <= kSmallBytes;
}

bool Matches(const Shape& given, const Shape& declared) {
  if (!given.known_rank || !declared.known_rank || given.dims.size() != declared.dims.size()) return false;
  for (size_t i = 0; i < given.dims.size(); ++i) {
    if (declared.dims[i] >= 0 && given.dims[i] != declared.dims[i]) return false;
  }
  return true;
}

void CheckOverrides(const Overrides& overrides) {
  for (const auto& [type, name] : overrides) gradient::CheckOverride(type, name);
}

}  // namespace

struct Trace::PendingJacobian {
  JacobianLoop loop;
};

struct Trace::PendingStack {
  SymbolId count;
};

std::shared_ptr<Trace> Trace::Create() {
  return std::shared_ptr<Trace>(new Trace(nullptr, std::make_shared<SymbolId>(0)));
}

Trace::Trace(std::shared_ptr<Trace> outer, std::shared_ptr<SymbolId> next_id)
    : outer_(std::move(outer)),
      next_id_(std::move(next_id)),
      scratch_(outer_ == nullptr ? nullptr : &outer_->scratch_) {}

Trace::~Trace() = default;

TF_Output Trace::Resolve(SymbolId id) {
  const auto own = tensors_.find(id);
  if (own != tensors_.end()) return own->second;
  if (outer_ == nullptr) {
    throw tf::Error(TF_INVALID_ARGUMENT, "symbol " + std::to_string(id) + " is of another trace");
  }
  return scratch_.Import(outer_->Resolve(id));
}

Symbol Trace::Define(TF_Output tensor) {
  if (closed_) throw tf::Error(TF_FAILED_PRECONDITION, "this body is closed: its loop has been recorded");
  const SymbolId id = (*next_id_)++;
  tensors_[id] = tensor;
  return {id, Scope::GetDType(tensor), scratch_.GetShape(tensor)};
}

Symbol Trace::Stand(TF_DataType dtype, const Shape& shape, const std::string& name) {
  return Define(scratch_.Placeholder(dtype, shape, name));
}

Symbol Trace::Get(SymbolId id) const {
  auto* self = const_cast<Trace*>(this);  // Resolve may add a capture to the scratch graph.
  const TF_Output tensor = self->Resolve(id);
  return {id, Scope::GetDType(tensor), scratch_.GetShape(tensor)};
}

std::vector<Symbol> Trace::Get(const std::vector<SymbolId>& ids) const {
  std::vector<Symbol> symbols;
  symbols.reserve(ids.size());
  for (const SymbolId id : ids) symbols.push_back(Get(id));
  return symbols;
}

std::vector<Symbol> Trace::Add(Operation operation, std::vector<Symbol> outputs) {
  block_.equations.push_back({std::move(operation), outputs, names_});
  return outputs;
}

Symbol Trace::Parameter(TF_DataType dtype, const Shape& shape, const std::string& name) {
  const Symbol symbol = Stand(dtype, shape, name);
  block_.parameters.push_back({symbol, name});
  return symbol;
}

Symbol Trace::Placeholder(TF_DataType dtype, const Shape& shape, const std::string& name) {
  if (jacobian_ != nullptr || stack_ != nullptr) {
    throw tf::Error(TF_INVALID_ARGUMENT, "the body of a loop that is made for it takes no placeholders");
  }
  return Parameter(dtype, shape, name);
}

Symbol Trace::Constant(tf::TensorPtr value) {
  trace::Constant constant{std::shared_ptr<TF_Tensor>(std::move(value))};
  TF_Tensor* tensor = constant.value.get();
  const bool small = IsSmallInteger(tensor);
  std::string key;
  if (small) {
    key = KeyOf(constant);
    key.append(static_cast<const char*>(tf::C().TF_TensorData(tensor)), tf::C().TF_TensorByteSize(tensor));
    const auto known = small_constants_.find(key);
    if (known != small_constants_.end()) return known->second;
  }
  const Symbol symbol = Define(scratch_.Const(tensor));
  if (small) small_constants_.emplace(std::move(key), symbol);
  return Add(std::move(constant), {symbol})[0];
}

std::vector<Symbol> Trace::Op(const std::string& type, const std::vector<OpInput>& inputs,
                              const Attrs& attrs) {
  OpCall call{type, inputs, attrs};
  std::vector<Symbol> symbols;
  for (const TF_Output& tensor : AddOp(&scratch_, call, [this](SymbolId id) { return Resolve(id); })) {
    symbols.push_back(Define(tensor));
  }
  return Add(std::move(call), std::move(symbols));
}

std::vector<Symbol> Trace::CallModel(std::shared_ptr<const ModelGraph> model,
                                     const std::vector<SymbolId>& inputs,
                                     const std::vector<std::string>& outputs) {
  const std::vector<Symbol> given = Get(inputs);
  CheckModelInputs(*model, given);
  bool declared = true;
  for (size_t i = 0; i < given.size(); ++i) declared &= Matches(given[i].shape, model->inputs()[i].shape);
  for (const std::string& name : outputs) {
    if (model->FindTensor(name) != nullptr) continue;
    throw tf::Error(TF_NOT_FOUND, "the model has no tensor `" + name + "`", name);
  }
  // For inputs of a size that the model does not declare, only the rank and the channels of dependent tensors
  // are certain before the replay.
  std::vector<bool> resized(outputs.size());
  if (!declared) resized = model->Dependent(outputs, model->input_tensors());
  std::vector<Symbol> symbols;
  for (size_t output = 0; output < outputs.size(); ++output) {
    const TensorSpec* spec = model->FindTensor(outputs[output]);
    Shape shape = spec->shape;
    if (resized[output] && shape.known_rank) {
      for (size_t i = 0; i + 1 < shape.dims.size(); ++i) shape.dims[i] = -1;
    }
    symbols.push_back(Stand(spec->dtype, shape, "model"));
  }
  return Add(ModelCall{std::move(model), inputs, outputs, declared}, std::move(symbols));
}

std::vector<Symbol> Trace::Gradient(const std::vector<SymbolId>& ys, const std::vector<SymbolId>& xs,
                                    const std::vector<SymbolId>& grad_ys, const Overrides& overrides) {
  CheckOverrides(overrides);
  const std::vector<Symbol> targets = Get(ys);
  const std::vector<Symbol> sources = Get(xs);
  CheckDifferentiable("ys", targets);
  CheckDifferentiable("xs", sources);
  if (!grad_ys.empty() && grad_ys.size() != ys.size()) {
    throw tf::Error(TF_INVALID_ARGUMENT, "Expected as many `gradYs` as `ys` (" + std::to_string(ys.size()) +
                                             ") but received " + std::to_string(grad_ys.size()) + ".");
  }
  for (size_t i = 0; i < grad_ys.size(); ++i) {
    if (grad_ys[i] != kNoSymbol) CheckGradY(i, targets[i], Get(grad_ys[i]));
  }
  std::vector<Symbol> symbols;
  for (const Symbol& x : sources) symbols.push_back(Stand(x.dtype, x.shape, "gradient"));
  return Add(GradientCall{ys, xs, grad_ys, overrides}, std::move(symbols));
}

Trace::Jacobian Trace::BeginJacobian(SymbolId ys, const std::vector<SymbolId>& xs,
                                     const Overrides& overrides) {
  CheckOverrides(overrides);
  const std::vector<Symbol> sources = Get(xs);
  CheckDifferentiable("ys", {Get(ys)});
  CheckDifferentiable("xs", sources);
  CheckUnits(Get(ys));
  if (xs.empty()) throw tf::Error(TF_INVALID_ARGUMENT, "a Jacobian needs at least one x");
  std::shared_ptr<Trace> body = Body();
  std::vector<Symbol> gradients;
  for (const Symbol& x : sources) gradients.push_back(body->Parameter(x.dtype, x.shape, "gradient"));
  body->jacobian_.reset(new PendingJacobian{{ys, xs, overrides, nullptr}});
  return {body, gradients};
}

Symbol Trace::EndJacobian(const std::shared_ptr<Trace>& body, SymbolId value) {
  if (body == nullptr || body->jacobian_ == nullptr || body->outer_.get() != this) {
    throw tf::Error(TF_INVALID_ARGUMENT, "this body was not opened by a Jacobian of this trace");
  }
  JacobianLoop loop = std::move(body->jacobian_->loop);
  body->jacobian_.reset();
  const Symbol ys = Get(loop.ys);
  const Symbol kept = body->Get(value);
  CheckKept(kept);
  std::vector<int64_t> dims = ys.shape.dims;
  if (dims[0] < 0) dims[0] = kept.shape.dims[0];
  dims.insert(dims.end(), kept.shape.dims.begin() + 1, kept.shape.dims.end());
  const Symbol symbol = Stand(kept.dtype, Shape::Of(std::move(dims)), "jacobian");
  loop.body = body->Close({value});
  return Add(std::move(loop), {symbol})[0];
}

Trace::Stack Trace::BeginStack(SymbolId count) {
  CheckCount(Get(count));
  std::shared_ptr<Trace> body = Body();
  const Symbol index = body->Parameter(TF_INT32, Shape::Of({}), "index");
  body->stack_.reset(new PendingStack{count});
  return {body, index};
}

Symbol Trace::EndStack(const std::shared_ptr<Trace>& body, SymbolId value) {
  if (body == nullptr || body->stack_ == nullptr || body->outer_.get() != this) {
    throw tf::Error(TF_INVALID_ARGUMENT, "this body was not opened by a stacking loop of this trace");
  }
  const SymbolId turns = body->stack_->count;
  body->stack_.reset();
  const Symbol kept = body->Get(value);
  const int64_t count = StaticCount(&scratch_, Resolve(turns));
  Shape shape = kept.shape;
  if (shape.known_rank) shape.dims.insert(shape.dims.begin(), count);
  const Symbol symbol = Stand(kept.dtype, shape, "stack");
  // An empty list can be stacked only if the shape of its elements is known.
  const bool once_at_least = count < 1 && !kept.shape.IsFullyKnown();
  return Add(StackLoop{turns, kept.shape, once_at_least, body->Close({value})}, {symbol})[0];
}

std::shared_ptr<Trace> Trace::Body() {
  return std::shared_ptr<Trace>(new Trace(shared_from_this(), next_id_));
}

std::vector<Symbol> Trace::While(const std::shared_ptr<Trace>& condition, SymbolId condition_result,
                                 const std::shared_ptr<Trace>& body,
                                 const std::vector<SymbolId>& body_results,
                                 const std::vector<SymbolId>& initial, SymbolId count) {
  if (condition == nullptr || body == nullptr || condition->outer_.get() != this ||
      body->outer_.get() != this) {
    throw tf::Error(TF_INVALID_ARGUMENT, "a loop's condition and body must be bodies of the trace it is in");
  }
  const std::vector<trace::Parameter>& variables = body->block_.parameters;
  if (condition->block_.parameters.size() != initial.size() || variables.size() != initial.size()) {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "a loop's condition and body need as many placeholders as it has variables (" +
                        std::to_string(initial.size()) + ")");
  }
  CheckCondition(condition->Get(condition_result));
  CheckVariables(body_results.size(), initial.size());
  if (count != kNoSymbol) CheckCount(Get(count));
  std::vector<Symbol> symbols;
  for (size_t i = 0; i < initial.size(); ++i) {
    const Symbol& variable = variables[i].symbol;
    CheckVariable(i, Get(initial[i]), variable, body->Get(body_results[i]));
    symbols.push_back(Stand(variable.dtype, variable.shape, "loop"));
  }
  WhileLoop loop{initial, count, condition->Close({condition_result}), body->Close(body_results)};
  return Add(std::move(loop), std::move(symbols));
}

BlockPtr Trace::Close(const std::vector<SymbolId>& results) {
  closed_ = true;
  outer_.reset();
  block_.results = results;
  return std::make_shared<const Block>(std::move(block_));
}

Block Trace::Simplified(const std::vector<SymbolId>& fetches) const {
  for (const SymbolId id : fetches) {
    if (tensors_.find(id) == tensors_.end()) {
      throw tf::Error(TF_INVALID_ARGUMENT, "symbol " + std::to_string(id) + " is of another trace");
    }
  }
  return Simplify(block_, fetches);
}

std::vector<TF_Output> Trace::Replay(Scope* scope, const std::vector<SymbolId>& fetches,
                                     std::vector<TF_Output>* feeds, size_t logits) const {
  return trace::Replay(Simplified(fetches), scope, feeds, logits);
}

}  // namespace ke::trace
