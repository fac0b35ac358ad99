#pragma once

#include <functional>

#include "build/scope.h"

namespace ke::trace {

// Returns the value of an int32 scalar if shape inference can determine the value, else -1.
int64_t StaticCount(graph::Scope* scope, TF_Output count);

// Returns `tensor` with the static shape `shape`, which is known from elsewhere.
TF_Output WithShape(graph::Scope* scope, TF_Output tensor, const graph::Shape& shape);

// Adds a stacking loop whose `count` may be 0. Returns (count, ...turn). `once_at_least` is for turns whose
// shape is known only after one turn has run: one turn then runs even if `count` is 0, and its value is
// dropped.
TF_Output AddStack(graph::Scope* scope, TF_Output count, bool once_at_least,
                   const std::function<TF_Output(graph::Scope* body, TF_Output i)>& turn);

}  // namespace ke::trace
