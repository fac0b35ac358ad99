#include "trace/loop.h"

#include "control/loop_ops.h"
#include "control/while_loop.h"

namespace ke::trace {

using graph::Scope;
using graph::Shape;

namespace {

// Returns `next`: at once if `at_once` (a bool scalar) is true, otherwise after `op`. Ordinary ops wait for
// all their inputs. A Merge forwards the first input that arrives and therefore joins the two branches.
TF_Output AtOnceOrAfter(Scope* body, TF_Output next, TF_Output at_once, TF_Operation* op) {
  const std::vector<TF_Output> ways = body->Op("Switch").In(next).In(at_once).Outs();
  const TF_Output waited = body->Op("Identity").In(ways[0]).After(op).Out();
  return body->Op("Merge").InList({waited, ways[1]}).Out();
}

}  // namespace

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
  if (!scope->portable() && control::IsCounted(scope)) {
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
      control::AddWhile(scope, &condition, {condition_i, condition_list}, more, &body, {i, list},
                        {next, stored}, {scope->Const(0), empty}, {count, true, at_once});
  return scope->Op("TensorListStack")
      .In(final[1])
      .In(element_shape(scope))
      .AttrType("element_dtype", dtype)
      .Out();
}

}  // namespace ke::trace
