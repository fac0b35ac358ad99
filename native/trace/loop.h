// Functional while loops. TensorFlow lowers these loops to its own control flow inside the same step.
#pragma once

#include <functional>
#include <vector>

#include "build/scope.h"

namespace ke::trace {

// How a loop executes its turns.
struct Turns {
  // The number of turns, an int32 scalar of `scope`, or a null op if the number is unknown. The count
  // determines the progress of the run, unless the loop is in the body of another loop.
  TF_Output count = {nullptr, 0};
  // Whether the body counts finished turns. Otherwise the gate of the loop counts these turns.
  bool counted_by_body = false;
  // The maximum number of turns in progress at the same time. A turn begins when the loop variables that it
  // needs are ready.
  int at_once = 1;
};

// Adds a While to `scope`. `condition` and `body` are complete scopes inside `scope`. The `arguments` of both
// are placeholders for the loop variables, `condition_result` is a bool scalar, and `body_results` are the
// next values. Captures of either scope are passed through the loop unchanged. Turns run one after another
// unless `turns` says otherwise, so that memory is bounded by that of one turn. Before each turn the loop
// checks whether its run is cancelled (control/loop_ops.h), except in a portable graph. Returns the final
// values.
std::vector<TF_Output> AddWhile(graph::Scope* scope, graph::Scope* condition,
                                const std::vector<TF_Output>& condition_arguments, TF_Output condition_result,
                                graph::Scope* body, const std::vector<TF_Output>& body_arguments,
                                const std::vector<TF_Output>& body_results,
                                const std::vector<TF_Output>& initial, const Turns& turns);

// Adds a loop over i = 0 .. count - 1 that stacks the results of `turn(body scope, i)` along a new first
// axis. `count` is an int32 scalar of `scope`. The turns are independent. Several turns are in progress at
// the same time if the scope allows it (AllowTurnsAtOnce) and while the run allows it
// (control::RunningShard::overlaps). Otherwise turn i + 1 begins when the value of turn i is stored. Loops
// inside a turn of a loop with overlapping turns run their turns one after another.
TF_Output AddStackingLoop(graph::Scope* scope, TF_Output count,
                          const std::function<TF_Output(graph::Scope* body, TF_Output i)>& turn);

}  // namespace ke::trace
