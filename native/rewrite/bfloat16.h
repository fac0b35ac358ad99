// What of a graph is computed in bfloat16, where that is allowed. TensorFlow's rewriter chooses: products
// (convolutions and matrix products) and what stands between them; never sums, exponentials and softmax. Two
// things are decided here: which products stay in float32, and which weights are held in bfloat16.
//
// The products that give logits stay in float32, as 8 bits would not tell units apart: on every way from the
// logits back to the inputs, the first product that the way meets. Ways lead through all inputs of all other
// ops (a division by a temperature, a mean over positions, a concatenation of heads, a softmax), but for
// those that only ask for a shape; through a While, to the value that the loop variable begins with: what the
// body computes is rewritten in a graph of its own, where no op can be left out.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "ir/flat_graph.h"
#include "tensorflow/handles.h"

namespace ke::graph {

bool IsProduct(std::string_view op);

// The products that give `fetches` their values. A fetch from which another one is computed by a product is
// no result, but features on the way to one, and is passed over.
std::vector<TF_Operation*> LogitsProducts(const std::vector<TF_Output>& fetches);
// The same in a model: of each node, whether it is such a product.
std::vector<bool> LogitsProducts(const FlatGraph& graph, const std::vector<TensorId>& logits);

// Returns, per weight, whether the weight is float32 and only convolutions read it. The weight can then be
// stored in bfloat16, which avoids a conversion in every run.
std::vector<bool> FindKernels(const FlatGraph& graph);
// Of each weight, whether a convolution among `nodes` reads it as its kernel.
std::vector<bool> KernelsOf(const FlatGraph& graph, const std::vector<bool>& nodes);

// Returns the values of a float32 tensor in bfloat16, rounded to nearest, ties to even.
std::shared_ptr<TF_Tensor> ToBfloat16(const TF_Tensor* tensor);

}  // namespace ke::graph
