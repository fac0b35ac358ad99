#pragma once

#include <functional>

#include "build/scope.h"

namespace ke::trace {

// The value of an int32 scalar where shape inference can tell it, else -1.
int64_t StaticCount(graph::Scope* scope, TF_Output count);

// `tensor` with what is known of its shape elsewhere.
TF_Output WithShape(graph::Scope* scope, TF_Output tensor, const graph::Shape& shape);

// AddStackingLoop where `count` may be 0: (count, ...turn). With `once_at_least`, for turns whose shape is
// known only once one was made, a first turn is made even then, and its value left out.
TF_Output AddStack(graph::Scope* scope, TF_Output count, bool once_at_least,
                   const std::function<TF_Output(graph::Scope* body, TF_Output i)>& turn);

}  // namespace ke::trace
