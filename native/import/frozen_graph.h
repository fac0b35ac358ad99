#pragma once

#include "import/load_options.h"
#include "ir/flat_graph.h"

namespace ke::graph {

// Reads a frozen GraphDef (.pb). Inputs and outputs are those named by the options; without names the
// placeholders, and the ends of the graph that nothing consumes. Throws as ModelGraph::Load does; NOT_FOUND
// names the nodes there are where an input or output does not exist.
FlatGraph ImportFrozenGraph(const LoadOptions& options);

}  // namespace ke::graph
