#include "trace/stack.h"

#include "trace/loop.h"

namespace ke::trace {

using graph::Scope;
using graph::Shape;
using tf::C;

int64_t StaticCount(Scope* scope, TF_Output count) {
  // Shape inference evaluates the dims of Fill, also if they are computed from constants.
  const TF_Output dims = scope->Op("ExpandDims", "count").In(count).In(scope->Const(0)).Out();
  return scope->GetShape(scope->Op("Fill", "count").In(dims).In(scope->Const(0)).Out()).dims[0];
}

TF_Output WithShape(Scope* scope, TF_Output tensor, const Shape& shape) {
  if (!shape.known_rank || scope->GetShape(tensor) == shape) return tensor;
  const TF_Output result = scope->Op("Identity").In(tensor).Out();
  tf::Status status;
  C().TF_GraphSetTensorShape(scope->graph(), result, shape.dims.data(), shape.rank(), status);
  status.Check(C().TF_OperationName(result.oper));
  return result;
}

TF_Output AddStack(Scope* scope, TF_Output count, bool once_at_least,
                   const std::function<TF_Output(Scope* body, TF_Output i)>& turn) {
  if (!once_at_least) return AddStackingLoop(scope, count, turn);
  const TF_Output turns = scope->Op("Maximum").In(count).In(scope->Const(1)).Out();
  const TF_Output stacked = AddStackingLoop(scope, turns, turn);
  // [0:count] along the first axis. The slice shares the memory of `stacked`.
  const TF_Output begin = scope->Const(std::vector<int32_t>{0});
  const TF_Output end = scope->Op("ExpandDims").In(count).In(scope->Const(0)).Out();
  return scope->Op("StridedSlice")
      .In(stacked)
      .In(begin)
      .In(end)
      .In(scope->Const(std::vector<int32_t>{1}))
      .Out();
}

}  // namespace ke::trace
