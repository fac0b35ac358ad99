// While: a loop over the turns in reverse. Each turn computes the body's ops again, from the values of the
// loop variables at the start of the turn (while_stacks.h), and applies their gradients. The loop carries the
// gradients of the variables that change, and sums those of the variables that do not.
#include <algorithm>
#include <set>

#include "control/while_loop.h"
#include "gradient/registry.h"
#include "gradient/tape.h"
#include "gradient/while_stacks.h"
#include "tensorflow/read_graph.h"

namespace ke::gradient {

using graph::Scope;
using graph::Shape;

namespace {

using Tensors = std::vector<TF_Output>;
constexpr TF_Output kNone = {nullptr, 0};

class WhileGradient {
 public:
  explicit WhileGradient(RuleContext* c)
      : c_(*c),
        body_(*c->forward(), c->AttrFunction("body")),
        turn_(c->target()),
        i_(turn_.Placeholder(TF_INT32, Shape::Of({}), "turn")),
        variables_(c->num_inputs()) {}

  void Build() {
    AddTurn();
    FindPaths();
    DifferentiateTurn();
    const Tensors final = AddLoop();
    for (size_t k = 0; k < carried_.size(); ++k) {
      const int variable = carried_[k];
      if (variables_[variable].on_path && c_.Needs(variable)) c_.Set(variable, final[1 + k]);
    }
    // The gradient of a variable that does not change also arrives after the loop.
    for (int k = 0; k < c_.num_inputs(); ++k) {
      const bool summed = std::find(carried_.begin(), carried_.end(), k) != carried_.end();
      if (!variables_[k].changes && !summed && c_.Needs(k) && c_.HasDy(k)) c_.Set(k, c_.Dy(k));
    }
  }

 private:
  struct Variable {
    bool changes = true;
    bool on_path = false;     // depends on an x, at the start or after some turns
    bool arrives = false;     // the results of the loop to which a gradient arrives depend on the variable
    TF_Output stack = kNone;  // a list of the values of the variable: an argument of the turn
    TF_Output value = kNone;  // at the start of the turn
  };

  static Shape ShapeOfArgument(TF_DataType dtype, const Shape& shape) {
    return dtype == TF_VARIANT ? Shape::Of({}) : shape;
  }
  Shape ShapeOf(int variable) const {
    return ShapeOfArgument(c_.OutputType(variable), c_.OutputShape(variable));
  }

  // Adds the body's ops to the turn.
  void AddTurn() {
    Tensors arguments;
    for (int k = 0; k < c_.num_inputs(); ++k) {
      Variable& variable = variables_[k];
      variable.changes = !body_.ReturnsArgument(k);
      if (variable.changes) {
        variable.stack = turn_.Placeholder(TF_VARIANT, Shape::Of({}), "stack");
        variable.value = turn_.Op("TensorListGetItem")
                             .In(variable.stack)
                             .In(i_)
                             .In(ListShape(&turn_, ShapeOf(k)))
                             .AttrType("element_dtype", c_.OutputType(k))
                             .Out();
      } else {
        variable.value = turn_.Import(c_.X(k));
      }
      arguments.push_back(variable.value);
    }
    std::vector<bool> wanted;
    for (int k = 0; k < c_.num_inputs(); ++k) wanted.push_back(CarriesGradient(c_.OutputType(k)));
    results_ = body_.AddTo(&turn_, c_.name(), arguments, LibraryFunction::OwnOps::kLeftOut, wanted);
  }

  // Marks the variables through which the gradient passes.
  void FindPaths() {
    std::vector<int> carrying;
    Tensors results;
    for (int k = 0; k < c_.num_inputs(); ++k) {
      variables_[k].on_path = c_.Needs(k);
      variables_[k].arrives = variables_[k].changes && c_.HasDy(k);
      if (results_[k].oper == nullptr) continue;
      carrying.push_back(k);
      results.push_back(results_[k]);
    }
    std::vector<std::pair<int, int>> steps;  // from a variable to the variable that it changes in one turn
    for (const int k : carrying) {
      const std::vector<bool> depends = DependOn(variables_[k].value, results);
      for (size_t r = 0; r < carrying.size(); ++r) {
        if (depends[r] && variables_[carrying[r]].changes) steps.emplace_back(k, carrying[r]);
      }
    }
    for (bool found = true; found;) {
      found = false;
      for (const auto& [from, to] : steps) {
        if (variables_[from].on_path && !variables_[to].on_path) found = variables_[to].on_path = true;
        if (variables_[to].arrives && !variables_[from].arrives) found = variables_[from].arrives = true;
      }
    }
  }

  // Adds the gradient of the turn. Loop variables of the backward loop are the gradients of carried_.
  void DifferentiateTurn() {
    Tensors ys;
    Tensors seeds;
    Tensors xs;
    Tensors so_far;
    std::vector<int> summed;
    std::set<std::pair<TF_Operation*, int>> seen;
    for (int k = 0; k < c_.num_inputs(); ++k) {
      const Variable& variable = variables_[k];
      if (!variable.on_path || !variable.arrives) continue;
      // A tensor that is several variables gets its gradient once.
      if (!variable.changes && !seen.emplace(variable.value.oper, variable.value.index).second) continue;
      const TF_Output gradient = turn_.Placeholder(c_.OutputType(k), ShapeOf(k), "dy");
      xs.push_back(variable.value);
      if (variable.changes) {
        carried_.push_back(k);
        arguments_.push_back(gradient);
        ys.push_back(results_[k]);
        seeds.push_back(gradient);
        so_far.push_back(kNone);
      } else {
        summed.push_back(k);
        so_far.push_back(gradient);
      }
    }
    const Tensors found = Backpropagate(&turn_, ys, seeds, xs, so_far, c_.options());
    size_t next_summed = 0;
    for (size_t k = 0; k < found.size(); ++k) {
      if (so_far[k].oper == nullptr) {
        next_.push_back(found[k].oper != nullptr ? found[k] : turn_.Op("ZerosLike").In(xs[k]).Out());
        continue;
      }
      const int variable = summed[next_summed++];
      if (found[k].oper == so_far[k].oper) continue;  // nothing arrives in a turn
      added_.push_back({variable, so_far[k], found[k]});
    }
    for (const Sum& sum : added_) {
      carried_.push_back(sum.variable);
      arguments_.push_back(sum.before);
      next_.push_back(sum.after);
    }
  }

  // Adds the loop over the turns in reverse. Returns the final values: the turn, then the gradients of
  // carried_.
  Tensors AddLoop() {
    std::vector<int> read;
    c_.RefuseRandomNumbers(next_);
    const auto needed = tf::OpsBehind(next_);
    for (int k = 0; k < c_.num_inputs(); ++k) {
      const TF_Output stack = variables_[k].stack;
      if (stack.oper != nullptr && needed.count(stack.oper) > 0) read.push_back(k);
    }
    const LibraryFunction condition(*c_.forward(), c_.AttrFunction("cond"));
    const StackedWhile forward = StackVariables(c_.forward(), c_.op(), body_, condition, read);

    const Ops& ops = c_.ops();
    Tensors arguments = {i_};
    Tensors results = {turn_.Op("Sub").In(i_).In(turn_.Const(1)).Out()};
    Tensors initial = {ops.Sub(forward.turns, ops.Int(1))};
    const auto add = [&](TF_Output argument, TF_Output result, TF_Output first) {
      arguments.push_back(argument);
      results.push_back(result);
      initial.push_back(first);
    };
    for (size_t k = 0; k < carried_.size(); ++k) {
      const int variable = carried_[k];
      const bool arrived = c_.HasDy(variable);
      add(arguments_[k], next_[k],
          arrived || variables_[variable].changes ? c_.Dy(variable) : ops.ZerosLike(c_.X(variable)));
    }
    for (size_t k = 0; k < read.size(); ++k) {
      const TF_Output stack = variables_[read[k]].stack;
      add(stack, stack, forward.stacks[k]);
    }
    Scope more(c_.target());
    Tensors asked;
    for (const TF_Output& argument : arguments) {
      asked.push_back(more.Placeholder(Scope::GetDType(argument), turn_.GetShape(argument), "variable"));
    }
    const TF_Output goes_on = more.Op("GreaterEqual").In(asked[0]).In(more.Const(0)).Out();
    return control::AddWhile(c_.target(), &more, asked, goes_on, &turn_, arguments, results, initial, {});
  }

  // The sum of the gradients of a variable that does not change, before and after a turn.
  struct Sum {
    int variable;
    TF_Output before;
    TF_Output after;
  };

  RuleContext& c_;
  const LibraryFunction body_;
  Scope turn_;  // the body of the backward loop
  const TF_Output i_;
  std::vector<Variable> variables_;
  Tensors results_;  // of the body, in the turn
  std::vector<Sum> added_;
  std::vector<int> carried_;  // the variables whose gradients are loop variables of the backward loop
  Tensors arguments_;         // per carried variable: the gradient before the turn
  Tensors next_;              // and after the turn
};

void While(RuleContext& c) { WhileGradient(&c).Build(); }

}  // namespace

void AddWhileRules(Registry* registry) { registry->AddAll({"While", "StatelessWhile"}, While); }

}  // namespace ke::gradient
