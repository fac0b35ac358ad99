// Symbolic reverse-mode differentiation over a TensorFlow graph.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "build/scope.h"

namespace ke::gradient {

struct Options {
  // Rules that replace an op type's own, by the name they are registered under: {"Relu": "guided"}.
  std::map<std::string, std::string> overrides;
};

// Adds to `target` the ops that compute sum_j grad_ys[j] . d ys[j] / d xs[i] for each i, and returns one
// tensor per x, shaped like it (zeros where no path leads from x to any y). `ys` and `xs` belong to
// `forward`, whose ops the tape walks, or to a scope around it, where the walk goes on; `grad_ys` belong to
// `target`; an entry with a null oper means ones.
// `target` is `forward`, or a function body inside it (one unit of a Jacobian): forward tensors that rules
// need are then captured. Throws UNIMPLEMENTED with the op's type and node where an op on the path has no
// confirmed gradient, INVALID_ARGUMENT where a y or x is not of a floating dtype or an override is not known.
std::vector<TF_Output> Gradient(graph::Scope* forward, graph::Scope* target, const std::vector<TF_Output>& ys,
                                const std::vector<TF_Output>& xs, const std::vector<TF_Output>& grad_ys,
                                const Options& options);

// The names of the override rules there are for an op type; throws INVALID_ARGUMENT where `name` is none of
// them.
void CheckOverride(const std::string& op_type, const std::string& name);

}  // namespace ke::gradient
