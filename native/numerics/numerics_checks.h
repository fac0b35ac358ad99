// Adds a check after every op of a finished graph that returns floating values: see numerics_op.h.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tensorflow/handles.h"

namespace ke::graph {

struct NumericsPlan {
  // The floating feeds of the graph, which must contain neither NaN nor Inf. Arguments of a function are
  // checked outside the function.
  std::vector<TF_Output> feeds;
  // The results of the graph, which must contain neither NaN nor Inf, whatever the inputs. Results are
  // Identities, like the fetches of a Scope.
  std::vector<TF_Output> results;
  // Weights that contain NaN or Inf.
  std::vector<TF_Output> bad_weights;
  // Returns the op of this name in the graph or in an enclosing graph, or null. Finds the op that a gradient
  // belongs to.
  std::function<TF_Operation*(const std::string&)> find;
};

// Returns a copy of `graph` whose nodes have the same names and read checked values. Ops that only move data
// are not checked, because they cannot produce a NaN or Inf. An Inf in a constant is intended (a mask): such
// an Inf permits an Inf in the outputs of ops that receive it, but permits neither a NaN nor an Inf in a
// result. A value that is only selected from (`where(x > 0, log(x), 0)`) is checked at the selection, if the
// selection returns the value.
tf::GraphPtr WithNumericsChecks(TF_Graph* graph, const NumericsPlan& plan);

}  // namespace ke::graph
