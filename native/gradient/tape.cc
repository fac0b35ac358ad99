#include "gradient/tape.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "gradient/registry.h"
#include "gradient/rule.h"
#include "ir/instance_name.h"
#include "tensorflow/dtype.h"
#include "tensorflow/read_graph.h"
#include "wire/text.h"

namespace ke::gradient {

using graph::Scope;
using tf::C;

namespace {

struct Hash {
  size_t operator()(TF_Output tensor) const {
    return std::hash<TF_Operation*>()(tensor.oper) ^
           (static_cast<size_t>(tensor.index) * 0x9E3779B97F4A7C15ULL);
  }
};
struct Same {
  bool operator()(TF_Output a, TF_Output b) const { return a.oper == b.oper && a.index == b.index; }
};
using TensorSet = std::unordered_set<TF_Output, Hash, Same>;

// Returns the ops on which `ys` depend, each after the ops of its inputs. Iterative, because a model may be
// thousands of ops deep.
std::vector<TF_Operation*> TopologicalOrder(const std::vector<TF_Output>& ys) {
  struct Frame {
    TF_Operation* op;
    std::vector<TF_Output> inputs;
    size_t next;
  };
  std::vector<TF_Operation*> order;
  std::unordered_set<TF_Operation*> seen;
  std::vector<Frame> stack;
  for (const TF_Output& y : ys) {
    if (!seen.insert(y.oper).second) continue;
    stack.push_back({y.oper, tf::Inputs(y.oper), 0});
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next == frame.inputs.size()) {
        order.push_back(frame.op);
        stack.pop_back();
        continue;
      }
      TF_Operation* input = frame.inputs[frame.next++].oper;
      if (seen.insert(input).second) stack.push_back({input, tf::Inputs(input), 0});
    }
  }
  return order;
}

// The gradients that have arrived at each tensor from the ops that use the tensor.
class Accumulator {
 public:
  explicit Accumulator(Scope* target) : target_(target) {}

  void Add(TF_Output tensor, TF_Output gradient) { arrived_[tensor].push_back(gradient); }

  // Replaces the gradients that have arrived so far.
  void Set(TF_Output tensor, TF_Output total) { arrived_[tensor] = {total}; }

  // Returns the sum of the gradients that have arrived so far, with a null oper if none has.
  TF_Output Total(TF_Output tensor) {
    const auto found = arrived_.find(tensor);
    if (found == arrived_.end()) return {nullptr, 0};
    std::vector<TF_Output>& terms = found->second;
    if (terms.size() > 1) {
      const std::string name =
          std::string(graph::kGradientPrefix) + C().TF_OperationName(tensor.oper) + "/sum";
      terms = {target_->Op("AddN", name).InList(terms).Out()};
    }
    return terms[0];
  }

 private:
  Scope* target_;
  std::unordered_map<TF_Output, std::vector<TF_Output>, Hash, Same> arrived_;
};

class Tape {
 public:
  Tape(Scope* forward, Scope* target, const Options& options)
      : forward_(forward), target_(target), options_(options), gradients_(target), batch_(forward) {}

  // Returns a null oper for an x on which no y depends.
  std::vector<TF_Output> Run(const std::vector<TF_Output>& ys, const std::vector<TF_Output>& xs,
                             const std::vector<TF_Output>& grad_ys,
                             const std::vector<TF_Output>& so_far = {}) {
    const std::vector<TF_Operation*> order = TopologicalOrder(ys);
    FindPaths(order, xs);
    for (size_t i = 0; i < so_far.size(); ++i) {
      if (so_far[i].oper != nullptr) gradients_.Add(xs[i], so_far[i]);
    }
    for (size_t i = 0; i < ys.size(); ++i) gradients_.Add(ys[i], grad_ys[i]);
    // Every use of a tensor is later in `order`, so its gradient is complete when the loop reaches its op.
    for (auto op = order.rbegin(); op != order.rend(); ++op) {
      if (differentiable_.count(*op) > 0) Differentiate(*op);
    }
    std::vector<TF_Output> results;
    for (const TF_Output& x : xs) results.push_back(gradients_.Total(x));
    return results;
  }

 private:
  // Marks the tensors that depend on an x, and the ops with such an input.
  void FindPaths(const std::vector<TF_Operation*>& order, const std::vector<TF_Output>& xs) {
    on_path_.insert(xs.begin(), xs.end());
    for (TF_Operation* op : order) {
      batch_.Visit(op);
      for (const TF_Output& input : tf::Inputs(op)) {
        if (on_path_.count(input) > 0) {
          differentiable_.insert(op);
          break;
        }
      }
      if (differentiable_.count(op) == 0) continue;
      const int outputs = C().TF_OperationNumOutputs(op);
      for (int i = 0; i < outputs; ++i) {
        if (CarriesGradient(Scope::GetDType({op, i}))) on_path_.insert({op, i});
      }
    }
  }

  void Differentiate(TF_Operation* op) {
    std::vector<TF_Output> arrived;
    bool any = false;
    const int outputs = C().TF_OperationNumOutputs(op);
    for (int i = 0; i < outputs; ++i) {
      arrived.push_back(gradients_.Total({op, i}));
      any = any || arrived.back().oper != nullptr;
    }
    if (!any) return;

    const std::vector<TF_Output> inputs = tf::Inputs(op);
    std::vector<bool> needed;
    for (const TF_Output& input : inputs) needed.push_back(on_path_.count(input) > 0);
    RuleContext context(forward_, target_, op, std::move(arrived), std::move(needed),
                        {&batch_, &options_, [this](TF_Output tensor) { return gradients_.Total(tensor); }});
    FindRule(context)(context);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const TF_Output gradient = context.input_gradients()[i];
      if (gradient.oper == nullptr || !context.Needs(static_cast<int>(i))) continue;
      if (context.IsTotal(static_cast<int>(i))) {
        gradients_.Set(inputs[i], gradient);
      } else {
        gradients_.Add(inputs[i], gradient);
      }
    }
  }

  Rule FindRule(const RuleContext& context) const {
    const std::string type = context.type();
    const auto override_name = options_.overrides.find(type);
    if (override_name != options_.overrides.end()) {
      return Registry::Get().FindOverride(type, override_name->second);
    }
    const Rule rule = Registry::Get().Find(type);
    if (rule == nullptr) context.Refuse("");
    if (context.HasComplex() && !Registry::Get().IsForComplex(type)) context.Refuse("of complex numbers");
    return rule;
  }

  Scope* forward_;
  Scope* target_;
  const Options& options_;
  Accumulator gradients_;
  BatchAxis batch_;
  TensorSet on_path_;
  std::unordered_set<TF_Operation*> differentiable_;
};

bool IsOf(Scope* scope, TF_Output tensor) { return Same()(scope->Import(tensor), tensor); }

std::vector<TF_Output> Imported(Scope* scope, const std::vector<TF_Output>& tensors) {
  std::vector<TF_Output> here;
  for (const TF_Output& tensor : tensors) here.push_back(scope->Import(tensor));
  return here;
}

// Returns which of `tensors` of `scope` depend on any of `xs`, including dependencies through the scopes
// around `scope`.
std::vector<bool> Dependent(Scope* scope, const std::vector<TF_Output>& tensors,
                            const std::vector<TF_Output>& xs) {
  const std::vector<TF_Output> sources = Imported(scope, xs);
  TensorSet dependent(sources.begin(), sources.end());
  if (scope->outer() != nullptr) {
    const std::vector<TF_Output> captured = scope->captured();
    std::vector<TF_Output> around;
    for (const TF_Output& x : xs) {
      if (!IsOf(scope, x)) around.push_back(x);
    }
    const std::vector<bool> outside = Dependent(scope->outer(), captured, around);
    for (size_t i = 0; i < captured.size(); ++i) {
      if (outside[i]) dependent.insert(scope->Import(captured[i]));
    }
  }
  for (TF_Operation* op : TopologicalOrder(tensors)) {
    const std::vector<TF_Output> inputs = tf::Inputs(op);
    if (std::none_of(inputs.begin(), inputs.end(), [&](TF_Output in) { return dependent.count(in) > 0; })) {
      continue;
    }
    for (int i = 0; i < C().TF_OperationNumOutputs(op); ++i) dependent.insert({op, i});
  }
  std::vector<bool> result;
  for (const TF_Output& tensor : tensors) result.push_back(dependent.count(tensor) > 0);
  return result;
}

// Returns the gradients with respect to each of `xs`, null if no y depends on the x. `ys` belong to
// `forward`. An x may belong to a scope around `forward`: the walk then continues there, from the tensors
// that the body captured.
std::vector<TF_Output> Differentiate(Scope* forward, Scope* target, const std::vector<TF_Output>& ys,
                                     const std::vector<TF_Output>& xs, const std::vector<TF_Output>& seeds,
                                     const Options& options) {
  std::vector<TF_Output> sources = Imported(forward, xs);
  std::vector<size_t> around;  // indices of the xs outside `forward`
  std::vector<TF_Output> around_xs;
  for (size_t i = 0; i < xs.size(); ++i) {
    if (Same()(sources[i], xs[i])) continue;
    around.push_back(i);
    around_xs.push_back(xs[i]);
  }
  std::vector<TF_Output> crossing;  // outer tensors that `forward` captured and that depend on an x
  if (!around.empty()) {
    const std::vector<TF_Output> captured = forward->captured();
    const std::vector<bool> dependent = Dependent(forward->outer(), captured, around_xs);
    for (size_t i = 0; i < captured.size(); ++i) {
      if (!dependent[i] || !CarriesGradient(Scope::GetDType(captured[i]))) continue;
      crossing.push_back(captured[i]);
      sources.push_back(forward->Import(captured[i]));
    }
  }
  std::vector<TF_Output> results = Tape(forward, target, options).Run(ys, sources, seeds);
  std::vector<TF_Output> outer_ys;
  std::vector<TF_Output> outer_seeds;
  for (size_t i = 0; i < crossing.size(); ++i) {
    const TF_Output gradient = results[xs.size() + i];
    if (gradient.oper == nullptr) continue;
    outer_ys.push_back(crossing[i]);
    outer_seeds.push_back(gradient);
  }
  results.resize(xs.size());
  if (around.empty()) return results;
  // For a captured x, the walk in the outer scope includes the gradient found here, so the gradient found
  // here is discarded. For a copied Const, the outer walk does not include the gradient found here.
  for (const size_t i : around) {
    const bool copied = std::string_view(C().TF_OperationOpType(sources[i].oper)) == "Const";
    if (!copied) results[i] = {nullptr, 0};
  }
  if (outer_ys.empty()) return results;
  const std::vector<TF_Output> outer =
      Differentiate(forward->outer(), target, outer_ys, around_xs, outer_seeds, options);
  for (size_t i = 0; i < around.size(); ++i) {
    TF_Output& result = results[around[i]];
    if (outer[i].oper == nullptr) continue;
    result =
        result.oper == nullptr
            ? outer[i]
            : target->Op("AddV2", graph::kGradientPrefix + std::string("sum")).In(result).In(outer[i]).Out();
  }
  return results;
}

// Returns the gradient in its final form: zeros if there is none, and with the shape of x even if shape
// inference has lost the shape.
TF_Output Completed(Scope* forward, Scope* target, TF_Output gradient, TF_Output x) {
  if (gradient.oper == nullptr) gradient = target->Op("ZerosLike").In(x).Out();
  const graph::Shape shape = forward->GetShape(forward->Import(x));
  if (!shape.known_rank || target->GetShape(gradient) == shape) return gradient;
  tf::Status status;
  C().TF_GraphSetTensorShape(target->graph(), gradient, shape.dims.data(), shape.rank(), status);
  status.Check(C().TF_OperationName(gradient.oper));
  return gradient;
}

void CheckFloating(const char* what, size_t i, TF_Output tensor) {
  const std::string argument = std::string(what) + "[" + std::to_string(i) + "]";
  if (tensor.oper == nullptr) throw tf::Error(TF_INVALID_ARGUMENT, argument + " of a gradient is no tensor");
  const TF_DataType dtype = Scope::GetDType(tensor);
  if (tf::IsFloating(dtype)) return;
  throw tf::Error(TF_INVALID_ARGUMENT,
                  "A gradient needs `" + argument +
                      "` of dtype float16, bfloat16, float32 or float64. Received " + tf::DTypeName(dtype) +
                      " (node " + C().TF_OperationName(tensor.oper) + "); cast it first",
                  C().TF_OperationName(tensor.oper));
}

// Throws if `seed` certainly cannot be the gradient of the y with index i.
void CheckSeed(size_t i, Scope* forward, TF_Output y, Scope* target, TF_Output seed) {
  const auto refuse = [i](const std::string& what, const std::string& expected, const std::string& received) {
    const std::string index = "[" + std::to_string(i) + "]`";
    throw tf::Error(TF_INVALID_ARGUMENT, "Expected `gradYs" + index + " of the " + what + " of `ys" + index +
                                             ", " + expected + ". Received " + received);
  };
  const TF_DataType dtype = Scope::GetDType(y);
  if (Scope::GetDType(seed) != dtype) {
    refuse("dtype", tf::DTypeName(dtype), tf::DTypeName(Scope::GetDType(seed)));
  }
  const graph::Shape expected = forward->GetShape(y);
  const graph::Shape received = target->GetShape(seed);
  if (!expected.known_rank || !received.known_rank) return;
  bool compatible = expected.rank() == received.rank();
  for (int axis = 0; compatible && axis < expected.rank(); ++axis) {
    const int64_t a = expected.dims[axis];
    const int64_t b = received.dims[axis];
    compatible = a < 0 || b < 0 || a == b;
  }
  if (!compatible) refuse("shape", ToString(expected), ToString(received));
}

}  // namespace

// Paths end at integers, booleans and strings, whose derivative is zero or undefined. Paths do not end at
// variants (TensorLists), resources, complex and quantised numbers: an op that converts these to floating
// numbers has no rule and is refused, because a silent zero would be a wrong gradient.
bool CarriesGradient(TF_DataType dtype) {
  switch (dtype) {
    case TF_BOOL:
    case TF_STRING:
    case TF_UINT8:
    case TF_UINT16:
    case TF_UINT32:
    case TF_UINT64:
    case TF_INT8:
    case TF_INT16:
    case TF_INT32:
    case TF_INT64:
      return false;
    default:
      return true;
  }
}

std::vector<bool> DependOn(TF_Output x, const std::vector<TF_Output>& tensors) {
  TensorSet on_path = {x};
  for (TF_Operation* op : TopologicalOrder(tensors)) {
    const std::vector<TF_Output> inputs = tf::Inputs(op);
    if (std::none_of(inputs.begin(), inputs.end(), [&](TF_Output in) { return on_path.count(in) > 0; })) {
      continue;
    }
    for (int i = 0; i < C().TF_OperationNumOutputs(op); ++i) {
      if (CarriesGradient(Scope::GetDType({op, i}))) on_path.insert({op, i});
    }
  }
  std::vector<bool> result;
  for (const TF_Output& tensor : tensors) result.push_back(on_path.count(tensor) > 0);
  return result;
}

std::vector<TF_Output> Backpropagate(Scope* scope, const std::vector<TF_Output>& ys,
                                     const std::vector<TF_Output>& seeds, const std::vector<TF_Output>& xs,
                                     const std::vector<TF_Output>& so_far, const Options& options) {
  return Tape(scope, scope, options).Run(ys, xs, seeds, so_far);
}

void CheckOverride(const std::string& op_type, const std::string& name) {
  const Registry& registry = Registry::Get();
  if (registry.FindOverride(op_type, name) != nullptr) return;
  const std::vector<std::string> names = registry.OverrideNames(op_type);
  throw tf::Error(TF_INVALID_ARGUMENT, names.empty()
                                           ? "Expected overrides for one of the op types " +
                                                 graph::QuotedList(registry.OverrideTypes()) +
                                                 ". Received '" + op_type + "'"
                                           : "Expected one of the overrides " + graph::QuotedList(names) +
                                                 " for op type " + op_type + ". Received '" + name + "'");
}

std::vector<TF_Output> Gradient(Scope* forward, Scope* target, const std::vector<TF_Output>& ys,
                                const std::vector<TF_Output>& xs, const std::vector<TF_Output>& grad_ys,
                                const Options& options) {
  for (const auto& [type, name] : options.overrides) CheckOverride(type, name);
  if (!grad_ys.empty() && grad_ys.size() != ys.size()) {
    throw tf::Error(TF_INVALID_ARGUMENT, "Expected as many `gradYs` as `ys` (" + std::to_string(ys.size()) +
                                             "). Received " + std::to_string(grad_ys.size()));
  }
  std::vector<TF_Output> own_ys;
  std::vector<TF_Output> seeds;
  for (size_t i = 0; i < ys.size(); ++i) {
    CheckFloating("ys", i, ys[i]);
    own_ys.push_back(forward->Import(ys[i]));
    if (!grad_ys.empty() && grad_ys[i].oper != nullptr) {
      seeds.push_back(target->Import(grad_ys[i]));
      CheckSeed(i, forward, own_ys[i], target, seeds[i]);
    } else {
      seeds.push_back(
          target->Op("OnesLike", graph::kGradientPrefix + std::string("ones")).In(own_ys[i]).Out());
    }
  }
  std::vector<TF_Output> origins;
  for (size_t i = 0; i < xs.size(); ++i) {
    CheckFloating("xs", i, xs[i]);
    origins.push_back(forward->Origin(xs[i]));
  }
  std::vector<TF_Output> gradients = Differentiate(forward, target, own_ys, origins, seeds, options);
  for (size_t i = 0; i < xs.size(); ++i) gradients[i] = Completed(forward, target, gradients[i], xs[i]);
  return gradients;
}

}  // namespace ke::gradient
