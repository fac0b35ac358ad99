// Checks behind every op of a finished graph that gives floating values: see numerics_op.h.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tensorflow/handles.h"

namespace ke::graph {

struct NumericsPlan {
  // The graph's floating feeds, which must hold neither NaN nor Inf. (A function's arguments were checked
  // where they were made.)
  std::vector<TF_Output> feeds;
  // What leaves the graph: it must hold neither, whatever it was made of. Identities, as Scope's fetches are.
  std::vector<TF_Output> results;
  // Weights that hold NaN or Inf.
  std::vector<TF_Output> bad_weights;
  // Whether an op of this name stands in the graph or in one around it: finds what a gradient is the gradient
  // of.
  std::function<TF_Operation*(const std::string&)> find;
};

// A copy of `graph` in which everything has the same name, and reads checked values. Ops that only move data
// are not checked: they cannot make NaN or Inf. A constant's Inf is what somebody wrote on purpose (a mask):
// it excuses the Inf of ops that are given it, but not NaN, and not in a result. A value that is only there
// to be selected from (`where(x > 0, log(x), 0)`) is checked where the selection lets it through.
tf::GraphPtr WithNumericsChecks(TF_Graph* graph, const NumericsPlan& plan);

}  // namespace ke::graph
