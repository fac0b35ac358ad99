#pragma once

#include <string>
#include <vector>

#include "model/model_graph.h"

namespace ke::graph {

// For a model that is called with inputs of these static shapes, which are not what it declares: of each of
// `outputs` (tensor names), whether it surely still has a row per sample, or need not. A Flatten with a size
// baked in (Reshape to [-1, 4608]) would turn positions into samples without a word. Throws INVALID_ARGUMENT,
// naming both sizes and the node, where it surely has not, or where the model cannot be called so at all.
// false where the sizes are known only when the graph runs. Builds the model once in a graph that is thrown
// away: for a background thread.
std::vector<bool> KeepsSamples(const ModelGraph& model, const std::vector<Shape>& inputs,
                               const std::vector<std::string>& outputs);

// `output` of such a call in `scope`, where the run fails unless it has a row per row of `input`.
TF_Output WithRowsOf(Scope* scope, const ModelGraph& model, TF_Output input, TF_Output output);

}  // namespace ke::graph
