#pragma once

#include <napi.h>

#include <string>

#include "import/frozen_graph.h"

namespace ke::binding {

// The argument of loadGraph: NativeGraphParts of lib/binding/contract_model.ts.
struct GivenGraph {
  graph::GraphParts parts;
  std::string fingerprint;  // empty: none was given
};

// Throws a TypeError that names the argument. The values share the memory of their tensors.
GivenGraph ToGivenGraph(Napi::Value value);

}  // namespace ke::binding
