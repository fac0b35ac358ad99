#include "model/declared_shapes.h"

#include <vector>

namespace ke::graph {

bool IsWithin(const Shape& given, const Shape& declared) {
  if (!declared.known_rank) return true;
  if (given.rank() != declared.rank()) return false;
  for (size_t i = 0; i < declared.dims.size(); ++i) {
    if (declared.dims[i] >= 0 && declared.dims[i] != given.dims[i]) return false;
  }
  return true;
}

FlatNode WithoutDeclaredShapes(FlatNode node) {
  if (ControlOf(node.op) == Control::kNone) return node;
  for (auto& [attr, value] : node.attrs) {
    if (attr != "output_shapes") continue;
    value = ShapesAttr(std::vector<Shape>(proto::AttrShapes(value).size(), Shape::Unknown()));
  }
  return node;
}

}  // namespace ke::graph
