// Symbolic reverse-mode differentiation over a TensorFlow graph.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "build/scope.h"

namespace ke::gradient {

struct Options {
  // Rules that replace the rule of an op type, by their registered names: {"Relu": "guided"}.
  std::map<std::string, std::string> overrides;
};

// Adds to `target` the ops that compute sum_j grad_ys[j] . d ys[j] / d xs[i] for each i. Returns one tensor
// per x with the shape of the x (zeros if no path leads from the x to any y). `ys` and `xs` belong to
// `forward`, whose ops the tape walks over, or to a scope around `forward`, where the walk continues.
// `grad_ys` belong to `target`; an entry with a null oper means ones.
//
// `target` is `forward`, or a function body inside `forward` (one unit of a Jacobian). The body then captures
// the forward tensors that rules read.
//
// Throws UNIMPLEMENTED with the op's type and node if an op on the path has no confirmed gradient. Throws
// INVALID_ARGUMENT if a y or x does not have a floating dtype, or an override is unknown.
std::vector<TF_Output> Gradient(graph::Scope* forward, graph::Scope* target, const std::vector<TF_Output>& ys,
                                const std::vector<TF_Output>& xs, const std::vector<TF_Output>& grad_ys,
                                const Options& options);

// As Gradient, for tensors of any dtype that carries gradients, in one scope, and with a null oper for an x
// on which no y depends. `so_far` are the gradients that have arrived at `xs` from elsewhere (null: none);
// the results include these gradients.
std::vector<TF_Output> Backpropagate(graph::Scope* scope, const std::vector<TF_Output>& ys,
                                     const std::vector<TF_Output>& seeds, const std::vector<TF_Output>& xs,
                                     const std::vector<TF_Output>& so_far, const Options& options);

// Returns whether a gradient path may lead through a tensor of `dtype`.
bool CarriesGradient(TF_DataType dtype);

// Returns, per tensor, whether the tensor depends on `x` through tensors that carry gradients.
std::vector<bool> DependOn(TF_Output x, const std::vector<TF_Output>& tensors);

// Throws INVALID_ARGUMENT if `name` is not an override of the op type. The message lists the overrides that
// exist.
void CheckOverride(const std::string& op_type, const std::string& name);

}  // namespace ke::gradient
