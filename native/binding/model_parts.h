#pragma once

#include <napi.h>

#include "trace/recorded_model.h"

namespace ke::binding {

// Converts a NativeModelParts of lib/binding/contract_trace.ts. Throws a TypeError that names the entry.
trace::ModelParts ToModelParts(Napi::Value value);

}  // namespace ke::binding
