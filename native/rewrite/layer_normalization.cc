#include "rewrite/layer_normalization.h"

#include <algorithm>
#include <string_view>

#include "ir/op_traits.h"

namespace ke::graph {
namespace {

// Returns whether the node computes (a - b)^2. TensorFlow turns each form into a SquaredDifference first.
bool SquaresDifference(const FlatGraph& graph, const FlatNode& node) {
  if (node.op == "SquaredDifference") return true;
  const bool squares = node.op == "Square" || node.op == "Pow" ||
                       (node.op == "Mul" && node.inputs.size() == 2 && node.inputs[0] == node.inputs[1]);
  return squares && !node.inputs.empty() && graph.nodes[node.inputs[0].node].op == "Sub";
}

// Detects the two forms of layer normalisation: explicit moments, or a batch norm of reshaped samples with a
// scale of ones.
bool NormalizesLayers(const FlatGraph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const FlatNode& node) {
    if (SquaresDifference(graph, node)) return true;
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
