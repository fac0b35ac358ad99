// Prints a recording as text for people.
#pragma once

#include <string>

#include "trace/equation.h"

namespace ke::trace {

// Returns one line per equation, for example `%3:float32[?,10] = MatMul(%1, %2) {transpose_b=true}`. The
// equations of a loop's body follow the loop, indented. The last line of a block lists its results. Symbols
// are numbered in order, and models by ModelGraph::serial. Constants of at most 8 numbers are printed with
// their values.
std::string Print(const Block& block);

}  // namespace ke::trace
