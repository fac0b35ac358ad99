#include "trace/jacobian.h"

#include <numeric>

#include "trace/loop.h"

namespace ke::trace {

using graph::Scope;
using graph::Shape;

namespace {

TF_Output ShapeOf(Scope* scope, TF_Output tensor) { return scope->Op("Shape").In(tensor).Out(); }

// Elements [begin, end) of a vector; `end` 0 means to its end.
TF_Output Slice(Scope* scope, TF_Output vector, int32_t begin, int32_t end) {
  return scope->Op("StridedSlice")
      .In(vector)
      .In(scope->Const(std::vector<int32_t>{begin}))
      .In(scope->Const(std::vector<int32_t>{end}))
      .In(scope->Const(std::vector<int32_t>{1}))
      .AttrInt("end_mask", end == 0 ? 1 : 0)
      .Out();
}

TF_Output Dim(Scope* scope, TF_Output tensor, int axis) {
  const Shape shape = scope->GetShape(tensor);
  if (shape.dims[axis] >= 0) return scope->Const(static_cast<int32_t>(shape.dims[axis]));
  return scope->Op("Squeeze").In(Slice(scope, ShapeOf(scope, tensor), axis, axis + 1)).Out();
}

// (U, N, ...) -> (N, U, ...)
TF_Output SwapFirstAxes(Scope* scope, TF_Output tensor, int rank) {
  std::vector<int32_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[0], order[1]);
  return scope->Op("Transpose").In(tensor).In(scope->Const(order)).Out();
}

}  // namespace

TF_Output AddJacobian(Scope* scope, TF_Output ys, TF_Output xs, const gradient::Options& options,
                      const std::function<TF_Output(Scope* scope, TF_Output gradient)>& reduce) {
  const Shape shape = scope->GetShape(ys);
  if (shape.rank() < 2) {
    throw tf::Error(TF_INVALID_ARGUMENT,
                    "a Jacobian by samples needs `ys` of a known rank of at least 2, batch axis first");
  }
  TF_Output units = ys;
  if (shape.rank() > 2) {
    const TF_Output columns = scope->Op("Pack").InList({Dim(scope, ys, 0), scope->Const(-1)}).Out();
    units = scope->Op("Reshape").In(ys).In(columns).Out();
  }

  TF_Output stacked;
  if (scope->GetShape(units).dims[1] == 1) {
    const TF_Output gradient = gradient::Gradient(scope, scope, {units}, {xs}, {}, options)[0];
    stacked = scope->Op("ExpandDims").In(reduce(scope, gradient)).In(scope->Const(1)).Out();
  } else {
    const TF_Output rows = Dim(scope, units, 0);
    const TF_Output count = Dim(scope, units, 1);
    const TF_DataType dtype = Scope::GetDType(units);
    int rank = -1;
    const TF_Output turns = AddStackingLoop(scope, count, [&](Scope* body, TF_Output i) {
      const TF_Output dims = body->Op("ExpandDims").In(rows).In(body->Const(0)).Out();
      const TF_Output picked = body->Op("Fill").In(dims).In(i).Out();
      const TF_Output one_hot =
          body->Op("OneHot").In(picked).In(count).In(body->Scalar(dtype, 1)).In(body->Scalar(dtype, 0)).Out();
      const TF_Output gradient = gradient::Gradient(scope, body, {units}, {xs}, {one_hot}, options)[0];
      const TF_Output value = reduce(body, gradient);
      rank = body->GetShape(value).rank();
      if (rank < 1) {
        throw tf::Error(TF_INVALID_ARGUMENT,
                        "what is kept of a unit's gradient needs a known rank and the batch axis first");
      }
      return value;
    });
    stacked = SwapFirstAxes(scope, turns, rank + 1);
  }
  if (shape.rank() == 2) return stacked;
  // (N, A*B, ...) -> (N, A, B, ...)
  const TF_Output dims = scope->Op("ConcatV2")
                             .InList({ShapeOf(scope, ys), Slice(scope, ShapeOf(scope, stacked), 2, 0)})
                             .In(scope->Const(0))
                             .Out();
  return scope->Op("Reshape").In(stacked).In(dims).Out();
}

}  // namespace ke::trace
