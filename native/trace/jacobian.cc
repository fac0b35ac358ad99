#include "trace/jacobian.h"

#include <numeric>

#include "gradient/ops.h"
#include "trace/loop.h"

namespace ke::trace {

using graph::Scope;
using graph::Shape;

namespace {

TF_Output Dim(const gradient::Ops& ops, TF_Output tensor, int axis) {
  const Shape shape = ops.scope()->GetShape(tensor);
  if (shape.dims[axis] >= 0) return ops.Int(static_cast<int32_t>(shape.dims[axis]));
  return ops.Unary("Squeeze", ops.SliceVector(ops.Unary("Shape", tensor), axis, axis + 1));
}

// (U, N, ...) -> (N, U, ...)
TF_Output SwapFirstAxes(const gradient::Ops& ops, TF_Output tensor, int rank) {
  std::vector<int32_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[0], order[1]);
  return ops.Transpose(tensor, order);
}

}  // namespace

TF_Output AddJacobian(
    Scope* scope, TF_Output ys, const std::vector<TF_Output>& xs, const gradient::Options& options,
    const std::function<TF_Output(Scope* scope, const std::vector<TF_Output>& gradients)>& reduce) {
  const Shape shape = scope->GetShape(ys);
  if (shape.rank() < 2) {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "a Jacobian by samples needs `ys` of a known rank of at least 2, batch axis first");
  }
  const gradient::Ops ops(scope, "jacobian/");
  TF_Output units = ys;
  if (shape.rank() > 2) units = ops.Reshape(ys, ops.Stack({Dim(ops, ys, 0), ops.Int(-1)}, 0));

  TF_Output stacked;
  if (scope->GetShape(units).dims[1] == 1) {
    const std::vector<TF_Output> gradients = gradient::Gradient(scope, scope, {units}, xs, {}, options);
    stacked = scope->Op("ExpandDims").In(reduce(scope, gradients)).In(scope->Const(1)).Out();
  } else {
    const TF_Output rows = Dim(ops, units, 0);
    const TF_Output count = Dim(ops, units, 1);
    const TF_DataType dtype = Scope::GetDType(units);
    int rank = -1;
    const TF_Output turns = AddStackingLoop(scope, count, [&](Scope* body, TF_Output i) {
      const TF_Output dims = body->Op("ExpandDims").In(rows).In(body->Const(0)).Out();
      const TF_Output picked = body->Op("Fill").In(dims).In(i).Out();
      const TF_Output one_hot =
          body->Op("OneHot").In(picked).In(count).In(body->Scalar(dtype, 1)).In(body->Scalar(dtype, 0)).Out();
      const TF_Output value = reduce(body, gradient::Gradient(scope, body, {units}, xs, {one_hot}, options));
      rank = body->GetShape(value).rank();
      if (rank < 1) {
        throw tf::Error(TF_INVALID_ARGUMENT,
                        "what is kept of a unit's gradient needs a known rank and the batch axis first");
      }
      return value;
    });
    stacked = SwapFirstAxes(ops, turns, rank + 1);
  }
  if (shape.rank() == 2) return stacked;
  // (N, A*B, ...) -> (N, A, B, ...)
  const TF_Output kept = ops.SliceVector(ops.Unary("Shape", stacked), 2, 0);
  return ops.Reshape(stacked, ops.Concat({ops.Unary("Shape", ys), kept}, 0));
}

}  // namespace ke::trace
