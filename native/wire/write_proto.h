// Writers of GraphDefs, nodes and attributes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/shape.h"

namespace ke::graph {

// A serialised TensorShapeProto.
std::string WriteShape(const Shape& shape);

// Serialised AttrValues.
std::string TypeAttr(TF_DataType dtype);
std::string TypesAttr(const std::vector<TF_DataType>& dtypes);
std::string StringAttr(std::string_view value);
std::string ShapeAttr(const Shape& shape);
std::string Int32ScalarAttr(int32_t value);            // the value of a Const
std::string StringScalarAttr(std::string_view value);  // as well

// Appends a node as a field of a serialised GraphDef. `inputs` as a NodeDef spells them ("name" or "name:1"),
// `attrs`: name and serialised AttrValue.
void AppendNode(std::string_view name, std::string_view op, const std::vector<std::string>& inputs,
                const std::vector<std::pair<std::string, std::string>>& attrs, std::string* graph_def);
// Appends a serialised VersionDef.
void AppendVersions(std::string_view versions, std::string* graph_def);

}  // namespace ke::graph
