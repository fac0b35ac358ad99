#pragma once

#include <napi.h>

namespace ke::binding {

// Addon.countConstantMaps of lib/binding/contract.ts.
Napi::Value CountConstantMaps(const Napi::CallbackInfo& info);

}  // namespace ke::binding
