// The memory that a graph needs at the same time, whatever the order of its ops.
#pragma once

#include <string>
#include <vector>

#include "wire/shape.h"

namespace ke::graph {

// Returns the bytes of a tensor. Unknown dims count as 1.
double LeastBytes(TF_Graph* graph, TF_Output tensor);

struct LeastMemory {
  double bytes = 0;          // of tensors that are alive at the same time; a product may exceed 64 bits
  double largest_bytes = 0;  // of the largest tensor of all
  std::string largest_op;
  Shape largest_shape;
};

// Returns a lower bound of the memory of a run. When an op has run, memory holds the outputs of the op, and
// every tensor computed before the op that is fetched or that a later op reads. The bound is the maximum over
// a sample of evenly spaced ops and the op with the largest tensor. Only tensors that depend on a feed count,
// without the feeds themselves. The bound excludes views (Reshape), the bodies and results of loops and
// calls, and the scratch memory of TensorFlow's kernels. Unknown dims count as 1.
LeastMemory FindLeastMemory(TF_Graph* graph, const std::vector<TF_Output>& feeds,
                            const std::vector<TF_Output>& fetches);

// Returns the same bound for feeds of the given `sizes`. A temporary copy of the graph infers the shapes for
// these sizes. Throws tf::Error if TensorFlow finds that the sizes do not fit.
LeastMemory FindLeastMemory(TF_Graph* graph, const std::vector<TF_Output>& feeds,
                            const std::vector<TF_Output>& fetches,
                            const std::vector<std::vector<int64_t>>& sizes);

}  // namespace ke::graph
