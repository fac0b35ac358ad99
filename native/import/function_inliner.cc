#include "import/function_inliner.h"

#include "import/inliner.h"

namespace ke::graph {

Flattened InlineFunctions(CallTree* tree, OpRegistry* ops, const std::vector<TensorSpec>& inputs,
                          const std::vector<TensorSpec>& outputs, NodeOrder order, const Extras& extras) {
  return Inliner(tree, ops, extras).Run(inputs, outputs, order);
}

}  // namespace ke::graph
