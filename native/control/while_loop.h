// Functional while loops. TensorFlow lowers these loops to its own control flow inside the same step.
#pragma once

#include <vector>

#include "build/scope.h"

namespace ke::control {

// An attribute of a While, for the tape (gradient/while_stacks.h). TensorFlow ignores the attribute.
inline constexpr char kStackedAttr[] = "_keras_explainable_stacked";

// A loop inside the body of another loop is not counted: its turns are not the progress of the run.
inline bool IsCounted(const graph::Scope* scope) { return scope->outer() == nullptr; }

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
  // Whether the condition already checks whether the run is cancelled.
  bool gated = false;
  // The indices of loop variables whose values the loop also returns as lists: the attribute kStackedAttr.
  std::vector<int64_t> stacked = {};
};

// Adds a While to `scope`. `condition` and `body` are complete scopes inside `scope`. The `arguments` of both
// are placeholders for the loop variables, `condition_result` is a bool scalar, and `body_results` are the
// next values. The captures of either scope that its results need are passed through the loop unchanged.
// Turns run one after another unless `turns` says otherwise, so that memory is bounded by that of one turn.
// Before each turn the loop checks whether its run is cancelled (control/loop_ops.h), except in a portable
// graph. Returns the final values.
std::vector<TF_Output> AddWhile(graph::Scope* scope, graph::Scope* condition,
                                const std::vector<TF_Output>& condition_arguments, TF_Output condition_result,
                                graph::Scope* body, const std::vector<TF_Output>& body_arguments,
                                const std::vector<TF_Output>& body_results,
                                const std::vector<TF_Output>& initial, const Turns& turns);

}  // namespace ke::control
