#pragma once

#include <napi.h>

namespace ke::binding {

// Addon.findNotFinite of lib/binding/contract.ts.
Napi::Value FindNotFinite(const Napi::CallbackInfo& info);

}  // namespace ke::binding
