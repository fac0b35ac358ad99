// Replaces ops of a finished graph, whose inputs TensorFlow's C API cannot change.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "tensorflow/handles.h"

namespace ke::graph {

// Returns a copy of `graph`, with its functions, in which every consumer of an op in `names` reads the same
// output of the op of the mapped name. The ops in `names` are left out; no op maps to one of these.
tf::GraphPtr WithReplacedOps(TF_Graph* graph, const std::map<std::string, std::string, std::less<>>& names);

}  // namespace ke::graph
