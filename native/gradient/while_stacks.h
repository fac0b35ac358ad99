// The values of a loop's variables in each turn, which the gradient of the loop reads.
#pragma once

#include <string>
#include <vector>

#include "build/scope.h"
#include "gradient/library_function.h"

namespace ke::gradient {

// A While that returns what the While `loop` returns, then the number of turns, and then, for some of the
// loop variables, a TensorList of the variable's values at the start of each turn.
struct StackedWhile {
  TF_Output turns;                // an int32 scalar
  std::vector<TF_Output> stacks;  // in the order of the `variables` asked for
};

// Returns a While for the op `loop` of `scope` that stacks at least `variables`. The While replaces `loop` in
// the finished graph (Scope::Replace), so that the loop runs once, and is shared by all gradients of `loop`.
// The gradient reads no other values of the forward pass: the body's ops are computed again. `body` is the
// function of `loop`.
StackedWhile StackVariables(graph::Scope* scope, TF_Operation* loop, const LibraryFunction& body,
                            const LibraryFunction& condition, const std::vector<int>& variables);

// Returns the shape as TensorList ops take it: a scalar -1 for an unknown rank, and -1 for an unknown size.
TF_Output ListShape(graph::Scope* scope, const graph::Shape& shape);

}  // namespace ke::gradient
