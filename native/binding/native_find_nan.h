#pragma once

#include <napi.h>

namespace ke::binding {

// Addon.findNaN of lib/binding/contract.ts.
Napi::Value FindNaN(const Napi::CallbackInfo& info);

}  // namespace ke::binding
