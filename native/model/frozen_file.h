// Writes a model as a frozen GraphDef.
#pragma once

#include <string>

#include "model/cut_graph.h"

namespace ke::graph {

// Writes the model to a new file: its graph, its functions, its weights as Consts, and the record of its
// layers (import/model_record.h). The file loads as the same model. Memory: a few megabytes. Throws
// OUT_OF_RANGE if the file would exceed 2 GiB, the limit of a protocol buffer, and the errors of OutputFile.
void WriteFrozenFile(const WholeModel& model, const std::string& path);

}  // namespace ke::graph
