#pragma once

#include <string>
#include <string_view>

namespace ke::graph {

// Returns a serialised GraphDef in which every node without a device, including nodes of functions, requests
// `device`.
std::string WithDevice(std::string_view graph_def, const std::string& device);

}  // namespace ke::graph
