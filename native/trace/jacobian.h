#pragma once

#include <functional>
#include <vector>

#include "build/scope.h"
#include "gradient/tape.h"

namespace ke::trace {

// Adds a Jacobian by samples to `scope`: for every unit u of `ys` (N, ...U), `reduce` is given a scope and
// the gradients of sum_n ys[n, u] with respect to each of `xs` (N, ...) in it, and returns the value to keep
// (N, ...). The values are stacked after the batch axis: (N, ...U, ...). One forward pass and one backward
// pass per unit, however many xs there are: a single unit known as such is differentiated in place, more of
// them in a loop whose memory is one turn's.
TF_Output AddJacobian(
    graph::Scope* scope, TF_Output ys, const std::vector<TF_Output>& xs, const gradient::Options& options,
    const std::function<TF_Output(graph::Scope* scope, const std::vector<TF_Output>& gradients)>& reduce);

}  // namespace ke::trace
