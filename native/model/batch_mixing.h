// Finds tensors of a model that mix the samples of a batch: tensors whose values for one sample depend on the
// other samples, or on the number of samples. Examples are a batch normalisation with the statistics of the
// batch, and x / max(x) over all axes.
#pragma once

#include <vector>

#include "ir/flat_graph.h"
#include "ir/tensor_specs.h"

namespace ke::graph {

// What the walk tells of each node.
struct SamplesInGraph {
  std::vector<char> mixing;  // whether an output of the node mixes the samples
  // Whether the node draws random numbers for every sample that can be those of one sample, repeated:
  // draw_per_sample.h.
  std::vector<char> drawn_per_sample;
};

// Follows the axis of the samples from the inputs through every op and through the functions of loops and
// branches. Where the walk loses the axis, a tensor counts as not mixing: in lists of tensors, and behind ops
// that select positions by values. Numbers that are drawn from a seed mix the samples, because they depend on
// the position in the batch, unless they are drawn per sample. No sample mixes if every input has a batch of
// one sample.
SamplesInGraph FollowSamples(const FlatGraph& graph, const TensorSpecs& tensors);

}  // namespace ke::graph
