#include "ir/custom_gradient.h"

#include "wire/write_proto.h"

namespace ke::graph {

std::vector<std::pair<std::string, std::string>> AttrsOf(const CustomGradient& gradient) {
  if (!gradient.refusal.empty()) return {{kCustomGradientRefusal, StringAttr(gradient.refusal)}};
  return {{kCustomGradientGraph, StringAttr(gradient.graph_def)},
          {kCustomGradientReads, IntsAttr(gradient.reads)},
          {kCustomGradientMakes, IntsAttr(gradient.makes)},
          {kCustomGradientOutputs, IntAttr(gradient.outputs)}};
}

}  // namespace ke::graph
