// Fused ops in the files of converters. TensorFlow.js' converter fuses convolutions and matrix products with
// the ops behind them, for speed. Some of these ops are unknown to TensorFlow, and none has a gradient.
#pragma once

#include <optional>
#include <string>

#include "wire/proto.h"

namespace ke::graph {

// What a BiasAdd of the file adds.
enum class Bias {
  kVector,  // TensorFlow's op: a tensor of rank 1
  kAny,     // TensorFlow.js' op: any tensor, which is broadcast. Its converter makes a BiasAdd of most sums
            // behind a product.
};

// Returns the GraphDef `bytes`, which `graph` was read from, with plain ops in place of fused ops, in the
// graph and in its functions. Returns nothing if there are no fused ops. The last op keeps the name of the
// fused op. The product gets the name that its kernel has in the file, so that it stays in the scope of its
// layer. Throws UNIMPLEMENTED for an unknown fused op and DATA_LOSS for missing inputs, with the node's name.
std::optional<std::string> WithoutFusedOps(const proto::GraphDef& graph, proto::Bytes bytes, Bias bias);

}  // namespace ke::graph
