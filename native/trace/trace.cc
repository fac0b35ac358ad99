#include "trace/trace.h"

#include <type_traits>
#include <utility>

#include "gradient/tape.h"
#include "trace/jacobian.h"
#include "trace/loop.h"
#include "trace/replay_environment.h"
#include "trace/stack.h"

namespace ke::trace {

using graph::ModelGraph;
using graph::OpBuilder;
using graph::Scope;
using graph::Shape;
using graph::TensorSpec;

namespace {

void SetAttr(OpBuilder* builder, const std::string& name, const AttrValue& value) {
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, int64_t>) {
          builder->AttrInt(name, v);
        } else if constexpr (std::is_same_v<T, float>) {
          builder->AttrFloat(name, v);
        } else if constexpr (std::is_same_v<T, bool>) {
          builder->AttrBool(name, v);
        } else if constexpr (std::is_same_v<T, std::string>) {
          builder->AttrString(name, v);
        } else if constexpr (std::is_same_v<T, TF_DataType>) {
          builder->AttrType(name, v);
        } else if constexpr (std::is_same_v<T, Shape>) {
          builder->AttrShape(name, v);
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
          builder->AttrInts(name, v);
        } else if constexpr (std::is_same_v<T, std::vector<float>>) {
          builder->AttrFloats(name, v);
        } else if constexpr (std::is_same_v<T, std::vector<TF_DataType>>) {
          builder->AttrTypes(name, v);
        } else if constexpr (std::is_same_v<T, std::vector<Shape>>) {
          builder->AttrShapes(name, v);
        } else {
          static_assert(sizeof(T) == 0, "an attribute type without a setter");
        }
      },
      value);
}

// Adds an op; `resolve` maps a symbol to its tensor in the graph at hand.
template <typename Resolve>
std::vector<TF_Output> AddOp(Scope* scope, const std::string& type, const std::vector<OpInput>& inputs,
                             const std::map<std::string, AttrValue>& attrs, const Resolve& resolve) {
  OpBuilder builder = scope->Op(type);
  for (const OpInput& input : inputs) {
    if (const auto* one = std::get_if<SymbolId>(&input)) {
      builder.In(resolve(*one));
    } else {
      std::vector<TF_Output> tensors;
      for (const SymbolId id : std::get<std::vector<SymbolId>>(input)) tensors.push_back(resolve(id));
      builder.InList(tensors);
    }
  }
  for (const auto& [name, value] : attrs) SetAttr(&builder, name, value);
  return builder.Outs();
}

bool Matches(const Shape& given, const Shape& declared) {
  if (!given.known_rank || !declared.known_rank || given.dims.size() != declared.dims.size()) return false;
  for (size_t i = 0; i < given.dims.size(); ++i) {
    if (declared.dims[i] >= 0 && given.dims[i] != declared.dims[i]) return false;
  }
  return true;
}

std::vector<SymbolId> Ids(const std::vector<Symbol>& symbols) {
  std::vector<SymbolId> ids;
  ids.reserve(symbols.size());
  for (const Symbol& symbol : symbols) ids.push_back(symbol.id);
  return ids;
}

}  // namespace

// ModelGraph::Instantiate for inputs of another size than declared: see graph::KeepsSamples. What only the
// run can tell is checked there, on outputs that no other output is made of: nobody differentiates by these.
std::vector<TF_Output> Trace::InstantiateResized(Environment* to, const ModelGraph& model,
                                                 const std::vector<TF_Output>& inputs,
                                                 const std::vector<std::string>& names,
                                                 const std::vector<std::string>& differentiated) {
  Scope* scope = to->scope;
  std::vector<Shape> shapes;
  for (const TF_Output& input : inputs) shapes.push_back(scope->GetShape(input));
  const std::vector<bool> keeps = to->KeepsSamples(model, shapes, names);
  std::vector<TF_Output> outputs = model.Instantiate(scope, inputs, names, differentiated);
  for (size_t i = 0; i < names.size(); ++i) {
    if (keeps[i]) continue;
    std::vector<std::string> others = names;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    if (model.DependsOn(others, {names[i]})) continue;
    outputs[i] = graph::WithRowsOf(scope, model, inputs[0], outputs[i]);
  }
  return outputs;
}

struct Trace::Shared {
  SymbolId next_id = 0;
  // What calls of models gave. Weights are shared by all calls: who differentiates by what one call gave may
  // do so through another, before or after.
  std::map<SymbolId, std::pair<const ModelGraph*, std::string>> of_models;
  std::map<const ModelGraph*, std::vector<std::string>> differentiated;
  // Somebody differentiates by what no model gave: it may be what a call is given.
  bool by_inputs = false;
};

// What EndJacobian needs of the BeginJacobian that opened a body.
struct Trace::PendingJacobian {
  SymbolId ys;
  std::vector<SymbolId> xs;
  std::vector<SymbolId> gradients;
  gradient::Options options;
};

// What EndStack needs of the BeginStack that opened a body.
struct Trace::PendingStack {
  SymbolId count;
  SymbolId index;
};

std::shared_ptr<Trace> Trace::Create() {
  return std::shared_ptr<Trace>(new Trace(nullptr, std::make_shared<Shared>()));
}

Trace::Trace(std::shared_ptr<Trace> outer, std::shared_ptr<Shared> shared)
    : outer_(std::move(outer)),
      shared_(std::move(shared)),
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

std::vector<TF_Output> Trace::Resolve(const std::vector<SymbolId>& ids) {
  std::vector<TF_Output> tensors;
  tensors.reserve(ids.size());
  for (const SymbolId id : ids) tensors.push_back(Resolve(id));
  return tensors;
}

Symbol Trace::Define(TF_Output tensor) {
  if (closed_) throw tf::Error(TF_FAILED_PRECONDITION, "this body is closed: its loop has been recorded");
  const SymbolId id = shared_->next_id++;
  tensors_[id] = tensor;
  return {id, Scope::GetDType(tensor), scratch_.GetShape(tensor)};
}

Symbol Trace::Stand(TF_DataType dtype, const Shape& shape, const std::string& name) {
  return Define(scratch_.Placeholder(dtype, shape, name));
}

Symbol Trace::Get(SymbolId id) const {
  auto* self = const_cast<Trace*>(this);  // Resolve may add a capture to the scratch graph
  const TF_Output tensor = self->Resolve(id);
  return {id, Scope::GetDType(tensor), scratch_.GetShape(tensor)};
}

Symbol Trace::Placeholder(TF_DataType dtype, const Shape& shape, const std::string& name) {
  const Symbol symbol = Stand(dtype, shape, name);
  placeholders_.push_back(symbol.id);
  commands_.push_back([id = symbol.id, dtype, shape, name](Environment* to) {
    to->Set(id, to->scope->Placeholder(dtype, shape, name));
  });
  return symbol;
}

Symbol Trace::Constant(tf::TensorPtr value) {
  std::shared_ptr<TF_Tensor> shared(std::move(value));
  const Symbol symbol = Define(scratch_.Const(shared.get()));
  commands_.push_back(
      [id = symbol.id, shared](Environment* to) { to->Set(id, to->scope->Const(shared.get())); });
  return symbol;
}

std::vector<Symbol> Trace::Op(const std::string& type, const std::vector<OpInput>& inputs,
                              const std::map<std::string, AttrValue>& attrs) {
  std::vector<Symbol> symbols;
  for (const TF_Output& tensor :
       AddOp(&scratch_, type, inputs, attrs, [this](SymbolId id) { return Resolve(id); })) {
    symbols.push_back(Define(tensor));
  }
  commands_.push_back([ids = Ids(symbols), type, inputs, attrs](Environment* to) {
    to->Set(ids, AddOp(to->scope, type, inputs, attrs, [to](SymbolId id) { return to->Get(id); }));
  });
  return symbols;
}

std::vector<Symbol> Trace::CallModel(std::shared_ptr<const ModelGraph> model,
                                     const std::vector<SymbolId>& inputs,
                                     const std::vector<std::string>& outputs) {
  if (inputs.size() != model->inputs().size()) {
    throw tf::Error(TF_INVALID_ARGUMENT, "the model takes " + std::to_string(model->inputs().size()) +
                                             " inputs; received " + std::to_string(inputs.size()));
  }
  bool declared = true;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TF_Output input = Resolve(inputs[i]);
    const TensorSpec& spec = model->inputs()[i];
    if (Scope::GetDType(input) != spec.dtype) {
      throw tf::Error(TF_INVALID_ARGUMENT, "the model's input `" + spec.name +
                                               "` has another dtype than the tensor it is called with");
    }
    declared &= Matches(scratch_.GetShape(input), spec.shape);
  }
  std::vector<Symbol> symbols;
  for (const std::string& name : outputs) {
    const TensorSpec* spec = model->FindTensor(name);
    if (spec == nullptr) throw tf::Error(TF_NOT_FOUND, "the model has no tensor `" + name + "`", name);
    Shape shape = spec->shape;
    // For inputs of another size than the model's own, only rank and channels of what is made of them are
    // sure before the replay.
    if (!declared && shape.known_rank && model->DependsOn({name}, model->input_tensors())) {
      for (size_t i = 0; i + 1 < shape.dims.size(); ++i) shape.dims[i] = -1;
    }
    symbols.push_back(Stand(spec->dtype, shape, "model"));
    shared_->of_models.emplace(symbols.back().id, std::make_pair(model.get(), name));
  }
  commands_.push_back([ids = Ids(symbols), model = std::move(model), inputs, outputs, declared,
                       shared = shared_](Environment* to) {
    const std::vector<TF_Output> given = to->Get(inputs);
    std::vector<std::string> xs = shared->differentiated[model.get()];
    if (shared->by_inputs) {
      const std::vector<std::string>& all = model->input_tensors();
      xs.insert(xs.end(), all.begin(), all.end());
    }
    to->Set(ids, declared ? model->Instantiate(to->scope, given, outputs, xs)
                          : InstantiateResized(to, *model, given, outputs, xs));
  });
  return symbols;
}

std::vector<Symbol> Trace::Gradient(const std::vector<SymbolId>& ys, const std::vector<SymbolId>& xs,
                                    const std::vector<SymbolId>& grad_ys,
                                    const std::map<std::string, std::string>& overrides) {
  for (const auto& [type, name] : overrides) gradient::CheckOverride(type, name);
  if (!grad_ys.empty() && grad_ys.size() != ys.size()) {
    throw tf::Error(TF_INVALID_ARGUMENT, "`gradYs` must have one entry per y: expected " +
                                             std::to_string(ys.size()) + ", received " +
                                             std::to_string(grad_ys.size()));
  }
  Resolve(ys);
  Differentiates(xs);
  std::vector<Symbol> symbols;
  for (const TF_Output& x : Resolve(xs)) {
    symbols.push_back(Stand(Scope::GetDType(x), scratch_.GetShape(x), "gradient"));
  }
  commands_.push_back([=, ids = Ids(symbols)](Environment* to) {
    std::vector<TF_Output> grads;
    for (const SymbolId id : grad_ys) grads.push_back(id < 0 ? TF_Output{nullptr, 0} : to->Get(id));
    to->Set(ids, gradient::Gradient(to->scope, to->scope, to->Get(ys), to->Get(xs), grads, {overrides}));
  });
  return symbols;
}

void Trace::Differentiates(const std::vector<SymbolId>& xs) {
  for (const SymbolId x : xs) {
    const auto found = shared_->of_models.find(x);
    if (found == shared_->of_models.end()) {
      shared_->by_inputs = true;
      continue;
    }
    const auto& [model, name] = found->second;
    shared_->differentiated[model].push_back(name);
  }
}

Trace::Jacobian Trace::BeginJacobian(SymbolId ys, const std::vector<SymbolId>& xs,
                                     const std::map<std::string, std::string>& overrides) {
  for (const auto& [type, name] : overrides) gradient::CheckOverride(type, name);
  if (Get(ys).shape.rank() < 2) {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "a Jacobian by samples needs `ys` of a known rank of at least 2, batch axis first");
  }
  if (xs.empty()) throw tf::Error(TF_INVALID_ARGUMENT, "a Jacobian needs at least one x");
  std::shared_ptr<Trace> body = Body();
  std::vector<Symbol> gradients;
  for (const SymbolId id : xs) {
    const Symbol x = Get(id);
    gradients.push_back(body->Stand(x.dtype, x.shape, "gradient"));
  }
  Differentiates(xs);
  body->jacobian_.reset(new PendingJacobian{ys, xs, Ids(gradients), {overrides}});
  return {body, gradients};
}

Symbol Trace::EndJacobian(const std::shared_ptr<Trace>& body, SymbolId value) {
  if (body == nullptr || body->jacobian_ == nullptr || body->outer_.get() != this) {
    throw tf::Error(TF_INVALID_ARGUMENT, "this body was not opened by a Jacobian of this trace");
  }
  const std::shared_ptr<PendingJacobian> pending(std::move(body->jacobian_));
  const Symbol ys = Get(pending->ys);
  const Symbol kept = body->Get(value);
  if (kept.shape.rank() < 1) {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "what is kept of a unit's gradient needs a known rank and the batch axis first");
  }
  std::vector<int64_t> dims = ys.shape.dims;
  if (dims[0] < 0) dims[0] = kept.shape.dims[0];
  dims.insert(dims.end(), kept.shape.dims.begin() + 1, kept.shape.dims.end());
  const Symbol symbol = Stand(kept.dtype, Shape::Of(std::move(dims)), "jacobian");
  commands_.push_back([id = symbol.id, pending, body, value](Environment* to) {
    const auto reduce = [&](Scope* scope, const std::vector<TF_Output>& gradients) {
      Environment inner(scope, to);
      inner.Set(pending->gradients, gradients);
      body->Run(&inner);
      return inner.Get(value);
    };
    to->Set(id, AddJacobian(to->scope, to->Get(pending->ys), to->Get(pending->xs), pending->options, reduce));
  });
  body->Close();
  return symbol;
}

Trace::Stack Trace::BeginStack(SymbolId count) {
  const Symbol given = Get(count);
  if (given.dtype != TF_INT32 || given.shape.rank() != 0) {
    throw tf::Error(TF_INVALID_ARGUMENT, "the turns of a loop need an int32 scalar `count`");
  }
  std::shared_ptr<Trace> body = Body();
  const Symbol index = body->Stand(TF_INT32, Shape::Of({}), "index");
  body->stack_.reset(new PendingStack{count, index.id});
  return {body, index};
}

Symbol Trace::EndStack(const std::shared_ptr<Trace>& body, SymbolId value) {
  if (body == nullptr || body->stack_ == nullptr || body->outer_.get() != this) {
    throw tf::Error(TF_INVALID_ARGUMENT, "this body was not opened by a stacking loop of this trace");
  }
  const std::shared_ptr<PendingStack> pending(std::move(body->stack_));
  const Symbol kept = body->Get(value);
  const int64_t count = StaticCount(&scratch_, Resolve(pending->count));
  Shape shape = kept.shape;
  if (shape.known_rank) shape.dims.insert(shape.dims.begin(), count);
  const Symbol symbol = Stand(kept.dtype, shape, "stack");
  // An empty list can be stacked only where the shape of what it lacks is known.
  const bool once_at_least = count < 1 && !kept.shape.IsFullyKnown();
  commands_.push_back([=, id = symbol.id, shape = kept.shape](Environment* to) {
    const auto turn = [&](Scope* scope, TF_Output index) {
      Environment inner(scope, to);
      inner.Set(pending->index, index);
      body->Run(&inner);
      return WithShape(scope, inner.Get(value), shape);
    };
    to->Set(id, AddStack(to->scope, to->Get(pending->count), once_at_least, turn));
  });
  body->Close();
  return symbol;
}

std::shared_ptr<Trace> Trace::Body() {
  return std::shared_ptr<Trace>(new Trace(shared_from_this(), shared_));
}

std::vector<Symbol> Trace::While(const std::shared_ptr<Trace>& condition, SymbolId condition_result,
                                 const std::shared_ptr<Trace>& body,
                                 const std::vector<SymbolId>& body_results,
                                 const std::vector<SymbolId>& initial, SymbolId count) {
  if (condition == nullptr || body == nullptr || condition->outer_.get() != this ||
      body->outer_.get() != this) {
    throw tf::Error(TF_INVALID_ARGUMENT, "a loop's condition and body must be bodies of the trace it is in");
  }
  if (condition->placeholders_.size() != initial.size() || body->placeholders_.size() != initial.size() ||
      body_results.size() != initial.size()) {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "a loop's condition, body and results need as many tensors as its initial values (" +
                        std::to_string(initial.size()) + ")");
  }
  if (condition->Get(condition_result).dtype != TF_BOOL) {
    throw tf::Error(TF_INVALID_ARGUMENT, "a loop's condition must be a bool scalar");
  }
  if (count >= 0) {
    const Symbol turns = Get(count);
    if (turns.dtype != TF_INT32 || turns.shape.rank() != 0) {
      throw tf::Error(TF_INVALID_ARGUMENT, "a loop's `count` must be an int32 scalar");
    }
  }
  std::vector<Symbol> symbols;
  for (size_t i = 0; i < initial.size(); ++i) {
    const Symbol variable = body->Get(body->placeholders_[i]);
    if (body->Get(body_results[i]).dtype != variable.dtype || Get(initial[i]).dtype != variable.dtype) {
      throw tf::Error(TF_INVALID_ARGUMENT,
                      "loop variable " + std::to_string(i) + " changes its dtype from turn to turn");
    }
    symbols.push_back(Stand(variable.dtype, variable.shape, "loop"));
  }
  commands_.push_back([=, ids = Ids(symbols)](Environment* to) {
    Scope condition_scope(to->scope);
    Environment in_condition(&condition_scope, to);
    condition->Run(&in_condition);
    Scope body_scope(to->scope);
    Environment in_body(&body_scope, to);
    body->Run(&in_body);
    to->Set(ids, AddWhile(to->scope, &condition_scope, in_condition.Get(condition->placeholders_),
                          in_condition.Get(condition_result), &body_scope, in_body.Get(body->placeholders_),
                          in_body.Get(body_results), to->Get(initial),
                          {count < 0 ? TF_Output{nullptr, 0} : to->Get(count)}));
  });
  condition->Close();
  body->Close();
  return symbols;
}

void Trace::Close() {
  closed_ = true;
  outer_.reset();
}

void Trace::Run(Environment* environment) const {
  for (const Command& command : commands_) command(environment);
}

std::vector<TF_Output> Trace::Replay(Scope* scope, const std::vector<SymbolId>& fetches,
                                     std::vector<TF_Output>* feeds) const {
  Environment environment(scope, nullptr);
  Run(&environment);
  *feeds = environment.Get(placeholders_);
  return environment.Get(fetches);
}

}  // namespace ke::trace
