// Functional while loops, lowered by TensorFlow to its own control flow inside the same step.
#pragma once

#include <functional>
#include <vector>

#include "build/scope.h"

namespace ke::trace {

// How a loop makes its turns.
struct Turns {
  // How many there will be, an int32 scalar of `scope` or nothing (a null op): the run's progress, unless the
  // loop is in the body of another.
  TF_Output count = {nullptr, 0};
  // The body counts those that have ended, not the loop.
  bool counted_by_body = false;
  // So many may be under way at once, as far as the variables that a turn begins with let it begin.
  int at_once = 1;
};

// Adds a While to `scope`. `condition` and `body` are scopes inside it, already built: their `arguments` are
// placeholders for the loop variables, `condition_result` a boolean scalar, `body_results` the next values.
// What either captured is passed around the loop unchanged. Turns run one after another, unless `turns` says
// otherwise, so that memory is bounded by one turn's; before each the loop asks whether its run is cancelled
// (control/loop_ops.h; not in a portable graph). Returns the final values.
std::vector<TF_Output> AddWhile(graph::Scope* scope, graph::Scope* condition,
                                const std::vector<TF_Output>& condition_arguments, TF_Output condition_result,
                                graph::Scope* body, const std::vector<TF_Output>& body_arguments,
                                const std::vector<TF_Output>& body_results,
                                const std::vector<TF_Output>& initial, const Turns& turns);

// Adds a loop over i = 0 .. count - 1 that stacks `turn(body scope, i)` along a new first axis. `count` is an
// int32 scalar of `scope`. Turns do not need each other: where the scope allows it (AllowTurnsAtOnce) and for
// as long as the run does (control::RunningShard::overlaps), several are under way at once; else turn i + 1
// begins when the value of turn i is stored. Loops in a turn of such a loop make one turn after the other.
TF_Output AddStackingLoop(graph::Scope* scope, TF_Output count,
                          const std::function<TF_Output(graph::Scope* body, TF_Output i)>& turn);

}  // namespace ke::trace
