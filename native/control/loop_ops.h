// The ops by which a loop inside a graph communicates with the run that computes the loop.
#pragma once

#include "build/scope.h"

namespace ke::control {

// Returns the op that feeds a graph with loops the number of the RunningShard, an int32 scalar. The first
// call creates the op. Sessions that do not feed the op read 0, which means no shard.
TF_Output ShardNumber(graph::Scope* scope);

// Returns the op that ShardNumber created, or a null op if the graph has none.
TF_Output FindShardNumber(TF_Graph* graph);

// Returns `more`, a loop's condition (a bool scalar of `scope`), unchanged. The op fails with CANCELLED if
// the run of shard `number` is cancelled. `counted`: each call after the first counts one finished turn of
// the loop.
TF_Output AddGate(graph::Scope* scope, TF_Output more, TF_Output number, bool counted);

// Returns `number` unchanged, after the op has told the run that a loop will make `count` turns (an int32
// scalar). A loop whose gate takes the returned number begins only after this announcement.
TF_Output AddAnnouncement(graph::Scope* scope, TF_Output number, TF_Output count);

// For the body of a loop whose turns are independent. Returns whether the turn after turn `i` may begin while
// turn `i` is in progress (a bool scalar). The op asks the run of shard `number` in every turn. The result is
// false if there is no such shard.
TF_Output AddOverlap(graph::Scope* scope, TF_Output i, TF_Output number);

// Returns `i` unchanged, after `value`, the op of the body that computes the result of turn `i`. The op
// counts the turn. The gate of such a loop cannot count turns, because the gate is evaluated before the
// turns.
TF_Output AddTurnEnd(graph::Scope* scope, TF_Output i, TF_Operation* value, TF_Output number);

// Registers these ops with TensorFlow. Idempotent and thread-safe. The functions above call RegisterLoopOps.
void RegisterLoopOps();

}  // namespace ke::control
