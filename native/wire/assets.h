#pragma once

#include <map>
#include <string>

#include "wire/proto.h"

namespace ke::graph::proto {

// Returns the names of the files in the folder `assets` of a SavedModel, by the name of the top-level node
// that holds the path of the file. Leaves out names that are no plain file names: they could lead out of the
// folder. Throws tf::Error DATA_LOSS, which names `what`, if the bytes are not a valid MetaGraphDef.
std::map<std::string, std::string> ReadAssets(Bytes meta_graph, const std::string& what);

}  // namespace ke::graph::proto
