#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "import/lookup_tables.h"
#include "ir/flat_graph.h"

namespace ke::graph {

// Adds an op to the flat graph and returns its first output.
using AddLookupOp = std::function<TensorId(std::string name, std::string op, std::vector<TensorId> inputs,
                                           std::vector<std::pair<std::string, std::string>> attrs)>;

// Adds ops that look up `x`, integers of any shape, in `table`. The last op has the name `name`. The ops need
// no table at run time: they search the sorted keys. `missing` is the value of keys that the table lacks.
// `values` is the tensor of LookupTable::values.
TensorId AddLookup(const AddLookupOp& add, const std::string& name, const LookupTable& table, TensorId x,
                   TensorId missing, TensorId values);

}  // namespace ke::graph
