#pragma once

#include "import/importers.h"

namespace ke::graph {

// Imports a frozen GraphDef from a file of any name. The options name inputs and outputs. Without names, the
// inputs are the placeholders, and the outputs are the nodes without consumers. If an input or output does
// not exist, NOT_FOUND lists the existing nodes.
extern const Importer kFrozenGraph;

}  // namespace ke::graph
