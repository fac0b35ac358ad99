// Functional while loops, lowered by TensorFlow to its own control flow inside the same step.
#pragma once

#include <functional>
#include <vector>

#include "graph/scope.h"

namespace ke::trace {

// Adds a While to `scope`. `condition` and `body` are scopes inside it, already built: their `arguments` are
// placeholders for the loop variables, `condition_result` a boolean scalar, `body_results` the next values.
// What either captured is passed around the loop unchanged. Turns run one after another, so that memory is
// bounded by one turn's; before each the loop asks whether its run is cancelled (control/loop_ops.h; not
// in a portable graph).
// `count`, an int32 scalar of `scope` or nothing (a null op), is how many turns there will be: the run's
// progress, unless the loop is in the body of another. Returns the final values.
std::vector<TF_Output> AddWhile(graph::Scope* scope, graph::Scope* condition,
                                const std::vector<TF_Output>& condition_arguments, TF_Output condition_result,
                                graph::Scope* body, const std::vector<TF_Output>& body_arguments,
                                const std::vector<TF_Output>& body_results,
                                const std::vector<TF_Output>& initial, TF_Output count);

// Adds a loop over i = 0 .. count - 1 that stacks `turn(body scope, i)` along a new first axis. `count` is an
// int32 scalar of `scope`.
TF_Output AddStackingLoop(graph::Scope* scope, TF_Output count,
                          const std::function<TF_Output(graph::Scope* body, TF_Output i)>& turn);

}  // namespace ke::trace
