#pragma once

#include "ir/flat_graph.h"
#include "wire/shape.h"

namespace ke::graph {

// Returns whether every tensor of the shape `given` has the shape `declared`.
bool IsWithin(const Shape& given, const Shape& declared);

// Returns the node, with unknown shapes in place of the shapes that a loop or a branch declares for its
// results. The file declares them for inputs of the model's declared sizes.
FlatNode WithoutDeclaredShapes(FlatNode node);

}  // namespace ke::graph
