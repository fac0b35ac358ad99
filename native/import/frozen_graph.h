#pragma once

#include "import/importers.h"

namespace ke::graph {

// A frozen GraphDef, in a file of any name. Inputs and outputs are those named by the options; without names
// the placeholders, and the ends of the graph that nothing consumes. NOT_FOUND names the nodes there are
// where an input or output does not exist.
extern const Importer kFrozenGraph;

}  // namespace ke::graph
