// Follows an output of a model back to the tensor that a classifier computes, its logits.
#pragma once

#include <string>
#include <vector>

#include "ir/flat_graph.h"
#include "ir/tensor_specs.h"
#include "model/bias_terms.h"

namespace ke::graph {

// One tensor on the way back from an output.
struct ChainLink {
  // How the tensor follows from the next link. kView: the same values, perhaps in another shape or dtype.
  enum class Kind { kOther, kView, kSoftmax, kSigmoid };
  std::string tensor;  // "node:index"
  Kind kind = Kind::kOther;
};

// Returns the tensors whose units are those of `output`, one to one and in the same order, from `output`
// back. Each unit of a link is an increasing function of the same unit of the next link, apart from the sum
// that a softmax divides by. The chain ends at the first op that combines units, selects or joins units, or
// may turn the sign of a unit.
std::vector<ChainLink> OutputChain(const FlatGraph& graph, const TensorSpecs& tensors,
                                   const BiasFinder& biases, TensorId output);

}  // namespace ke::graph
