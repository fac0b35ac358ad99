#include "trace/loop.h"

#include "control/loop_ops.h"

namespace ke::trace {

using graph::Scope;
using graph::Shape;

namespace {

void AddMissing(const std::vector<TF_Output>& from, std::vector<TF_Output>* to) {
  for (const TF_Output& tensor : from) {
    bool known = false;
    for (const TF_Output& other : *to) known |= other.oper == tensor.oper && other.index == tensor.index;
    if (!known) to->push_back(tensor);
  }
}

// A loop inside the body of another loop is not counted: its turns are not the progress of the run.
bool IsCounted(const Scope* scope) { return scope->outer() == nullptr; }

// Returns `next`: at once if `at_once` (a bool scalar) is true, otherwise after `op`. Ordinary ops wait for
// all their inputs. A Merge forwards the first input that arrives and therefore joins the two branches.
TF_Output AtOnceOrAfter(Scope* body, TF_Output next, TF_Output at_once, TF_Operation* op) {
  const std::vector<TF_Output> ways = body->Op("Switch").In(next).In(at_once).Outs();
  const TF_Output waited = body->Op("Identity").In(ways[0]).After(op).Out();
  return body->Op("Merge").InList({waited, ways[1]}).Out();
}

}  // namespace

std::vector<TF_Output> AddWhile(Scope* scope, Scope* condition,
                                const std::vector<TF_Output>& condition_arguments, TF_Output condition_result,
                                Scope* body, const std::vector<TF_Output>& body_arguments,
                                const std::vector<TF_Output>& body_results,
                                const std::vector<TF_Output>& initial, const Turns& turns) {
  const bool counted = turns.count.oper != nullptr && IsCounted(scope);
  TF_Output gated = condition_result;
  if (!scope->portable()) {
    TF_Output shard = control::ShardNumber(scope);
    if (counted) shard = control::AddAnnouncement(scope, shard, turns.count);
    gated = control::AddGate(condition, condition_result, shard, counted && !turns.counted_by_body);
  }

  // Both functions take the same arguments: the loop variables, then the captures of either function.
  std::vector<TF_Output> captured = body->captured();
  AddMissing(condition->captured(), &captured);

  std::vector<TF_Output> in_condition = condition_arguments;
  std::vector<TF_Output> in_body = body_arguments;
  std::vector<TF_Output> results = body_results;
  std::vector<TF_Output> inputs = initial;
  std::vector<Shape> shapes;
  for (const TF_Output& argument : body_arguments) shapes.push_back(body->GetShape(argument));
  for (const TF_Output& tensor : captured) {
    in_condition.push_back(condition->Import(tensor));
    in_body.push_back(body->Import(tensor));
    results.push_back(in_body.back());
    inputs.push_back(tensor);
    shapes.push_back(scope->GetShape(tensor));
  }

  const std::string name = scope->root().UniqueName("loop");
  condition->CloseInto(name + "_condition", in_condition, {gated});
  body->CloseInto(name + "_body", in_body, results);
  // Without "_lower_using_switch_merge" each turn would be a function call with threads of its own.
  std::vector<TF_Output> outputs = scope->Op("While", name)
                                       .InList(inputs)
                                       .AttrFunction("cond", name + "_condition")
                                       .AttrFunction("body", name + "_body")
                                       .AttrShapes("output_shapes", shapes)
                                       .AttrInt("parallel_iterations", turns.at_once)
                                       .AttrBool("_lower_using_switch_merge", true)
                                       .Outs();
  outputs.resize(initial.size());
  return outputs;
}

TF_Output AddStackingLoop(Scope* scope, TF_Output count,
                          const std::function<TF_Output(Scope* body, TF_Output i)>& turn) {
  const Shape scalar = Shape::Of({});
  Scope body(scope);
  const int at_once = scope->portable() ? 1 : scope->turns_at_once();
  if (at_once > 1) body.AllowTurnsAtOnce(1);
  const TF_Output i = body.Placeholder(TF_INT32, scalar, "i");
  const TF_Output list = body.Placeholder(TF_VARIANT, scalar, "list");
  // The Identity provides an op that runs in the body: no op can be ordered after a function argument.
  const TF_Output value = body.Op("Identity").In(turn(&body, i)).Out();
  const TF_DataType dtype = Scope::GetDType(value);
  const Shape shape = body.GetShape(value);

  TF_Output ended = i;
  if (!scope->portable() && IsCounted(scope)) {
    ended = control::AddTurnEnd(&body, i, value.oper, control::ShardNumber(scope));
  }
  const TF_Output stored = body.Op("TensorListSetItem").In(list).In(ended).In(value).Out();
  TF_Output next = body.Op("AddV2").In(i).In(body.Const(1)).Out();
  if (at_once > 1) {
    scope->NoteTurnsAtOnce();
    const TF_Output overlap = control::AddOverlap(&body, i, control::ShardNumber(scope));
    next = AtOnceOrAfter(&body, next, overlap, stored.oper);
  }

  // The TensorList ops expect a scalar -1 for an unknown rank and -1 for each unknown dim.
  const auto element_shape = [&shape](Scope* in) {
    return shape.known_rank ? in->Const(std::vector<int32_t>(shape.dims.begin(), shape.dims.end()))
                            : in->Const(-1);
  };
  const TF_Output empty = scope->Op("TensorListReserve")
                              .In(element_shape(scope))
                              .In(count)
                              .AttrType("element_dtype", dtype)
                              .Out();

  Scope condition(scope);
  const TF_Output condition_i = condition.Placeholder(TF_INT32, scalar, "i");
  const TF_Output condition_list = condition.Placeholder(TF_VARIANT, scalar, "list");
  const TF_Output more = condition.Op("Less").In(condition_i).In(count).Out();

  const std::vector<TF_Output> final =
      AddWhile(scope, &condition, {condition_i, condition_list}, more, &body, {i, list}, {next, stored},
               {scope->Const(0), empty}, {count, true, at_once});
  return scope->Op("TensorListStack")
      .In(final[1])
      .In(element_shape(scope))
      .AttrType("element_dtype", dtype)
      .Out();
}

}  // namespace ke::trace
