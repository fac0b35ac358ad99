#pragma once

#include <napi.h>

namespace ke::binding {

// Addon.copyRows of lib/binding/contract.ts.
Napi::Value CopyRows(const Napi::CallbackInfo& info);

}  // namespace ke::binding
