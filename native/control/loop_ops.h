// The ops by which a loop inside a graph reports to the run that computes it.
#pragma once

#include "build/scope.h"

namespace ke::control {

// The op that a graph with loops is fed with: the number of the RunningShard that computes it, an int32
// scalar. Made at the first call; 0, for no shard, in a session that does not feed it.
TF_Output ShardNumber(graph::Scope* scope);

// That op where the graph has one, else nothing (a null op).
TF_Output FindShardNumber(TF_Graph* graph);

// `more`, a loop's condition (a bool scalar of `scope`), unchanged; but where the run of shard `number` is
// cancelled, it fails with CANCELLED. `counted`: each call after the first counts a turn that has ended.
TF_Output AddGate(graph::Scope* scope, TF_Output more, TF_Output number, bool counted);

// `number`, unchanged, once it has said to the run that a loop will make `count` turns (an int32 scalar). A
// loop whose gate takes this number cannot begin before.
TF_Output AddAnnouncement(graph::Scope* scope, TF_Output number, TF_Output count);

// For loops whose turns do not need each other, in the body's scope. Whether the turn after turn `i` may
// begin while this one is under way (a bool scalar), asked of the run of shard `number` in every turn: no
// where there is none.
TF_Output AddOverlap(graph::Scope* scope, TF_Output i, TF_Output number);

// `i`, unchanged, after `value` (an op of the body), which is what turn `i` is for: counts the turn, which
// the loop's gate cannot, for it is asked before turns.
TF_Output AddTurnEnd(graph::Scope* scope, TF_Output i, TF_Operation* value, TF_Output number);

// Tells TensorFlow of these ops; idempotent and thread-safe. The functions above call it.
void RegisterLoopOps();

}  // namespace ke::control
