// What a graph must hold in memory at once, whatever the order in which its ops run.
#pragma once

#include <string>
#include <vector>

#include "wire/shape.h"

namespace ke::graph {

// The bytes of a tensor; unknown dims count as 1.
double LeastBytes(TF_Graph* graph, TF_Output tensor);

struct LeastMemory {
  double bytes = 0;          // of tensors that are alive at the same time; a product may exceed 64 bits
  double largest_bytes = 0;  // of the largest tensor of all
  std::string largest_op;
  Shape largest_shape;
};

// A lower bound: at the moment at which an op has run, its outputs are there, and whatever was computed
// before it that something after it reads, or that is fetched. The most of that over the ops, of which it
// looks at some, evenly spread, and of tensors that depend on a feed, without the feeds themselves. Views
// (Reshape) cost nothing; nor do the insides and results of loops and calls, and what TensorFlow's kernels
// take for themselves. Unknown dims count as 1.
LeastMemory FindLeastMemory(TF_Graph* graph, const std::vector<TF_Output>& feeds,
                            const std::vector<TF_Output>& fetches);

// The same of the graph as it is where its feeds have these sizes: the shapes are inferred anew, in a copy
// that is thrown away. Throws tf::Error where TensorFlow finds that they do not fit.
LeastMemory FindLeastMemory(TF_Graph* graph, const std::vector<TF_Output>& feeds,
                            const std::vector<TF_Output>& fetches,
                            const std::vector<std::vector<int64_t>>& sizes);

}  // namespace ke::graph
