// Determines the parts of a graph that are computed in bfloat16, if bfloat16 is allowed. TensorFlow's
// rewriter chooses products (convolutions and matrix products) and the ops between them, but never sums,
// exponentials and softmax. Two choices are made here: the products that stay in float32, and the weights
// that are stored in bfloat16.
//
// The products that determine logits stay in float32, because 8 bits would not distinguish units. On every
// path from the logits back to the inputs, the first product stays in float32. Paths lead through all inputs
// of all other ops (a division by a temperature, a mean over positions, a concatenation of heads, a softmax),
// except ops that only read a shape. Through a While, a path leads to the initial value of the loop variable:
// the body is rewritten in a graph of its own, where no op can be excluded.
#pragma once

#include <memory>
#include <vector>

#include "ir/flat_graph.h"
#include "tensorflow/handles.h"

namespace ke::graph {

// Returns the products that determine the values of `fetches`. A fetch from which another fetch is computed
// by a product is a feature, not a result, and is ignored.
std::vector<TF_Operation*> LogitsProducts(const std::vector<TF_Output>& fetches);
// Returns, per node of a model, whether the node is such a product.
std::vector<bool> LogitsProducts(const FlatGraph& graph, const std::vector<TensorId>& logits);

// Returns, per weight, whether the weight is float32 and only convolutions read it. The weight can then be
// stored in bfloat16, which avoids a conversion in every run.
std::vector<bool> FindKernels(const FlatGraph& graph);
// Returns, per weight, whether a convolution among `nodes` reads the weight as its kernel.
std::vector<bool> KernelsOf(const FlatGraph& graph, const std::vector<bool>& nodes);

// Returns the values of a float32 tensor in bfloat16, rounded to nearest, ties to even.
std::shared_ptr<TF_Tensor> ToBfloat16(const TF_Tensor* tensor);

}  // namespace ke::graph
