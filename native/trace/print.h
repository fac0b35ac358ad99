// A recording as text, for people.
#pragma once

#include <string>

#include "trace/equation.h"

namespace ke::trace {

// A line per equation, as `%3:float32[?,10] = MatMul(%1, %2) {transpose_b=true}`, those of a loop's body
// indented below it; the last line of a block names its results. Symbols are numbered in order, models as
// ModelGraph::serial. Constants of up to 8 numbers show these.
std::string Print(const Block& block);

}  // namespace ke::trace
