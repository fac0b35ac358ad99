// A recording as bytes: equal bytes for equal recordings, and only for these.
#pragma once

#include <string>
#include <string_view>

#include "trace/equation.h"

namespace ke::trace {

// The canonical encoding of a main block. Symbols stand in it by the order of their definition, floats by
// their bits, constants by their content, models by ModelGraph::serial, parameters by dtype and shape. Every
// part is of fixed size or has its length before it, so that no encoding is a prefix of another.
std::string Encode(const Block& block);

// What an equation computes, without its outputs: as Encode, but symbols from around the operation stand by
// their ids. Of a model call the tensors are left out, of a constant the content: calls and constants of one
// key need a further look.
std::string KeyOf(const Operation& operation);

// Whether two constants of one key have the same content, bit for bit.
bool SameContent(const TF_Tensor* a, const TF_Tensor* b);

}  // namespace ke::trace
