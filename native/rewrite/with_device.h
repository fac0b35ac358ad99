#pragma once

#include <string>
#include <string_view>

namespace ke::graph {

// A serialised GraphDef with every node, those of its functions too, asked to stand on `device` where it asks
// for none.
std::string WithDevice(std::string_view graph_def, const std::string& device);

}  // namespace ke::graph
