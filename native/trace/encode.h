// Encodes a recording as bytes. Two encodings are equal if and only if the recordings are equal.
#pragma once

#include <string>
#include <string_view>

#include "trace/equation.h"

namespace ke::trace {

// Returns the canonical encoding of a main block. Symbols are encoded by the order of their definition,
// floats by their bits, constants by their content, models by ModelGraph::serial, parameters by dtype and
// shape. Every part has a fixed size or is preceded by its length, so that no encoding is a prefix of
// another.
std::string Encode(const Block& block);

// Returns the encoding of an operation without its outputs. The encoding is that of Encode, but symbols from
// outside the operation are encoded by their ids. The key of a model call omits the tensors, and the key of a
// constant omits the content. Callers must compare these parts themselves.
std::string KeyOf(const Operation& operation);

// Returns whether two constants with equal keys have the same content, bit for bit.
bool SameContent(const TF_Tensor* a, const TF_Tensor* b);

}  // namespace ke::trace
