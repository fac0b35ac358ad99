#pragma once

#include <functional>

#include "gradient/tape.h"
#include "graph/scope.h"

namespace ke::trace {

// Adds a Jacobian by samples to `scope`: for every unit u of `ys` (N, ...U), `reduce` is given a scope and
// the gradient of sum_n ys[n, u] with respect to `xs` (N, ...) in it, and returns the value to keep (N, ...).
// The values are stacked after the batch axis: (N, ...U, ...). One forward pass and one backward pass per
// unit: a single unit known as such is differentiated in place, more of them in a loop whose memory is one
// turn's.
TF_Output AddJacobian(graph::Scope* scope, TF_Output ys, TF_Output xs, const gradient::Options& options,
                      const std::function<TF_Output(graph::Scope* scope, TF_Output gradient)>& reduce);

}  // namespace ke::trace
