#include "rewrite/layer_normalization.h"

#include <algorithm>
#include <string_view>

#include "ir/op_traits.h"

namespace ke::graph {
namespace {

// Detects the two forms of layer normalisation in Keras 2: explicit moments, or a batch norm of reshaped
// samples with a scale of ones.
bool NormalizesLayers(const FlatGraph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const FlatNode& node) {
    if (node.op == "SquaredDifference") return true;
    return HasTrait(node.op, trait::kBatchNorm) && node.inputs.size() > 1 &&
           graph.nodes[node.inputs[1].node].kind == FlatNode::Kind::kOp;
  });
}

}  // namespace

void KeepLayerNormalizationsApart(FlatGraph* graph) {
  if (!NormalizesLayers(*graph)) return;
  // Consumers come after their inputs, so a backward walk knows the use of an Identity between a weight and
  // its consumer.
  std::vector<char> scales(graph->nodes.size(), 0);
  for (size_t i = graph->nodes.size(); i-- > 0;) {
    const std::string_view op = graph->nodes[i].op;
    const bool uses = HasTrait(op, trait::kAffine);
    const bool passes_on = scales[i] != 0 && HasAnyTrait(op, {trait::kView, trait::kConverts});
    if (!uses && !passes_on) continue;
    for (const TensorId& input : graph->nodes[i].inputs) scales[input.node] = 1;
  }
  for (FlatWeight& weight : graph->weights) {
    if (scales[weight.node] != 0) weight.may_fold = false;
  }
}

}  // namespace ke::graph
