#pragma once

#include "wire/proto.h"

namespace ke::graph::proto {

// Reads a serialised SavedObjectGraph. Throws protozero::exception if the bytes are damaged.
ObjectGraph ParseObjects(Bytes bytes);

}  // namespace ke::graph::proto
