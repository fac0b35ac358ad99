#pragma once

#include <functional>
#include <vector>

#include "build/scope.h"
#include "gradient/tape.h"

namespace ke::trace {

// Adds a per-sample Jacobian to `scope`. For every unit u of `ys` (N, ...U), `reduce` receives a scope and,
// in that scope, the gradients of sum_n ys[n, u] with respect to each of `xs` (N, ...). `reduce` returns the
// value to keep (N, ...). The values are stacked after the batch axis: (N, ...U, ...). The cost is one
// forward pass, and one backward pass per unit for all xs together. If the static shape shows a single unit,
// that unit is differentiated in place. Otherwise a loop differentiates one unit per turn, and its memory is
// that of one turn.
TF_Output AddJacobian(
    graph::Scope* scope, TF_Output ys, const std::vector<TF_Output>& xs, const gradient::Options& options,
    const std::function<TF_Output(graph::Scope* scope, const std::vector<TF_Output>& gradients)>& reduce);

}  // namespace ke::trace
