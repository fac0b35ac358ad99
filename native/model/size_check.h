#pragma once

#include <string>
#include <vector>

#include "model/model_graph.h"

namespace ke::graph {

// Checks a call with these static input shapes, which the model does not declare. Returns, per output in
// `outputs` (tensor names), true if the output certainly has one row per sample or need not have one row per
// sample, and false if its rows are known only at run time. A Flatten with a fixed size (Reshape to [-1,
// 4608]) would silently turn positions into samples. Throws INVALID_ARGUMENT with both sizes and the node if
// an output certainly does not have one row per sample, if the model cannot be called with these shapes, or
// if the outputs need a loop, whose number of turns may be fixed.
// Builds the model once in a temporary graph: call KeepsSamples on a background thread.
std::vector<bool> KeepsSamples(const ModelGraph& model, const std::vector<Shape>& inputs,
                               const std::vector<std::string>& outputs);

// Returns `output` of such a call. The run fails unless `output` has one row per row of `input`.
TF_Output WithRowsOf(Scope* scope, const ModelGraph& model, TF_Output input, TF_Output output);

}  // namespace ke::graph
