#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/flat_graph.h"
#include "ir/tensor_specs.h"

namespace ke::graph {

// Returns the number of groups of a Conv2D or Conv3D: the channels of its input divided by the channels that
// its kernel reads. Returns 1 for other ops, and 0 if the channels are not static.
int64_t GroupsOf(const FlatGraph& graph, const FlatNode& node, const TensorSpecs& tensors);

// Appends a convolution with `groups` (of GroupsOf, not 1) in a form that TensorFlow's CPU kernels compute.
// The op that returns the result has the name of `node`. `inputs` are the names of the input and the kernel.
// `free_name` makes a name unique.
// - Conv2D: TensorFlow's rewriter fuses a convolution with the bias, the batch normalization or the
// activation
//   behind the convolution. Without oneDNN, the kernel of the fused op refuses groups. An EnsureShape of any
//   shape, which copies nothing, prevents the fusion.
// - Conv3D: no CPU kernel computes groups. The result is the concatenation of a convolution per group.
void AppendGroupedConvolution(const FlatNode& node, const std::vector<std::string>& inputs, int64_t groups,
                              const std::function<std::string(std::string)>& free_name,
                              std::string* graph_def);

}  // namespace ke::graph
