#include "model/last_with_positions.h"

#include <algorithm>
#include <vector>

#include "tensorflow/dtype.h"

namespace ke::graph {

TensorId LastWithPositions(const FlatGraph& graph, const TensorSpecs& tensors, const BiasFinder& biases,
                           TensorId output) {
  const auto has_positions = [&](TensorId tensor) {
    const auto found = tensors.find(graph.TensorName(tensor));
    if (found == tensors.end() || !tf::IsFloating(found->second.dtype)) return false;
    const std::vector<int64_t>& dims = found->second.shape.dims;
    return dims.size() > 2 &&
           std::any_of(dims.begin() + 1, dims.end() - 1, [](int64_t size) { return size != 1; });
  };
  if (has_positions(output)) return output;
  std::vector<char> needed(graph.nodes.size(), 0);
  needed[output.node] = 1;
  TensorId last;
  // Inputs come before their consumers.
  for (size_t node = graph.nodes.size(); node-- > 0;) {
    if (needed[node] == 0) continue;
    for (const TensorId& input : graph.nodes[node].inputs) {
      needed[input.node] = 1;
      if (last < input && biases.Depends(input) && has_positions(input)) last = input;
    }
  }
  return last;
}

}  // namespace ke::graph
