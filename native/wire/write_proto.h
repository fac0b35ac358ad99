// Writers of GraphDefs, nodes and attributes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/shape.h"

namespace ke::graph {

// Returns a serialised TensorShapeProto.
std::string WriteShape(const Shape& shape);

// Return serialised AttrValues.
std::string TypeAttr(TF_DataType dtype);
std::string TypesAttr(const std::vector<TF_DataType>& dtypes);
std::string StringAttr(std::string_view value);
std::string IntAttr(int64_t value);
std::string IntsAttr(const std::vector<int64_t>& values);
std::string ShapeAttr(const Shape& shape);
std::string ShapesAttr(const std::vector<Shape>& shapes);
std::string BoolAttr(bool value);
std::string FunctionAttr(std::string_view function);
std::string FunctionsAttr(const std::vector<std::string>& functions);
std::string Int32ScalarAttr(int32_t value);            // the value of a Const
std::string StringScalarAttr(std::string_view value);  // the value of a Const

// Appends a node as a field of a serialised GraphDef. `inputs` have the form of a NodeDef's inputs ("name" or
// "name:1"). `attrs` are pairs of a name and a serialised AttrValue.
void AppendNode(std::string_view name, std::string_view op, const std::vector<std::string>& inputs,
                const std::vector<std::pair<std::string, std::string>>& attrs, std::string* graph_def);
// Appends a library of functions, each a serialised FunctionDef.
void AppendFunctions(const std::vector<std::string_view>& functions, std::string* graph_def);
// Appends a serialised VersionDef.
void AppendVersions(std::string_view versions, std::string* graph_def);

}  // namespace ke::graph
