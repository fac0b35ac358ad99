#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/flat_graph.h"

namespace ke::graph {

// Appends the draw `node` (a plain draw of random_ops.h, whose first axis is that of the samples) so that all
// samples receive the numbers that the first sample would: one row is drawn and repeated. The numbers of a
// sample then depend neither on its batch nor on its position in the batch. The op that returns the result
// has the name of `node`. `inputs` are the names of the inputs. `free_name` makes a name unique.
void AppendDrawPerSample(const FlatNode& node, const std::vector<std::string>& inputs,
                         const std::function<std::string(std::string)>& free_name, std::string* graph_def);

}  // namespace ke::graph
