// A loop whose independent turns are stacked.
#pragma once

#include <functional>

#include "build/scope.h"

namespace ke::trace {

// Adds a loop over i = 0 .. count - 1 that stacks the results of `turn(body scope, i)` along a new first
// axis. `count` is an int32 scalar of `scope`. The turns are independent. Several turns are in progress at
// the same time if the scope allows it (AllowTurnsAtOnce) and while the run allows it
// (control::RunningShard::overlaps). Otherwise turn i + 1 begins when the value of turn i is stored. Loops
// inside a turn of a loop with overlapping turns run their turns one after another.
TF_Output AddStackingLoop(graph::Scope* scope, TF_Output count,
                          const std::function<TF_Output(graph::Scope* body, TF_Output i)>& turn);

}  // namespace ke::trace
