#pragma once

#include "ir/flat_graph.h"

namespace ke::graph {

// Prevents TensorFlow from fusing layer normalisations. TensorFlow's oneDNN remapper (2.21, on by default)
// replaces Keras 2's LayerNormalization of a tensor of rank 2 or 3 by one op if gamma and beta are Consts.
// The fused op uses an epsilon of 0.001 whatever the epsilon of the layer. With 1e-6, as in vision
// transformers, the outputs are silently wrong. Weights that may be gamma or beta of a layer normalisation
// are therefore never made Consts.
void KeepLayerNormalizationsApart(FlatGraph* graph);

}  // namespace ke::graph
