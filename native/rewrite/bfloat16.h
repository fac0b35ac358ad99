// What of a graph is computed in bfloat16, where that is allowed. TensorFlow's rewriter chooses (convolutions
// and matrix products, and what stands between them; sums, exponentials and softmax never), but for what is
// here.
#pragma once

#include <memory>
#include <vector>

#include "ir/flat_graph.h"
#include "tensorflow/handles.h"

namespace ke::graph {

// The matrix products and convolutions that give `fetches` their values, with nothing behind them but what
// picks, adds a bias or normalises (a softmax): those of logits, which are to stay in float32. 8 bits would
// not tell units apart.
std::vector<TF_Operation*> LogitsProducts(const std::vector<TF_Output>& fetches);

// Of each weight, whether it is float32 and only convolutions read it: it can be kept in bfloat16, or it
// would be converted in every run.
std::vector<bool> FindKernels(const FlatGraph& graph);

// The values of a float32 tensor, rounded to the nearest, ties to even.
std::shared_ptr<TF_Tensor> ToBfloat16(const TF_Tensor* tensor);

}  // namespace ke::graph
