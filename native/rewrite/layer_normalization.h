#pragma once

#include "ir/flat_graph.h"

namespace ke::graph {

// Keeps TensorFlow from fusing layer normalisations. Its oneDNN remapper (2.21, on by default) replaces Keras
// 2's LayerNormalization of a rank 2 or 3 tensor by one op where gamma and beta are Consts, and that op takes
// an epsilon of 0.001 whatever the layer's own is: with 1e-6, as in vision transformers, its outputs are
// wrong without a word. Weights that such a layer may multiply or add with are therefore never made Consts.
void KeepLayerNormalizationsApart(FlatGraph* graph);

}  // namespace ke::graph
