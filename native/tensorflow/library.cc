#include "tensorflow/library.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <atomic>
#include <mutex>

#include "tensorflow/error.h"

namespace ke::tf {

namespace internal {
const Functions* functions = nullptr;
}

namespace {

std::mutex load_mutex;
std::atomic<bool> loaded{false};

std::string& LoadedPathStorage() {
  static std::string path;
  return path;
}

#ifdef _WIN32
void* Open(const std::string& path, std::string* reason) {
  void* handle = reinterpret_cast<void*>(LoadLibraryA(path.c_str()));
  if (handle == nullptr) *reason = "LoadLibrary failed with code " + std::to_string(GetLastError());
  return handle;
}
void* Resolve(void* handle, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(reinterpret_cast<HMODULE>(handle), name));
}
#else
void* Open(const std::string& path, std::string* reason) {
  void* handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* text = dlerror();
    *reason = text != nullptr ? text : "dlopen failed";
  }
  return handle;
}
void* Resolve(void* handle, const char* name) { return dlsym(handle, name); }
#endif

}  // namespace

void LoadLibrary(const std::string& path) {
  std::lock_guard<std::mutex> lock(load_mutex);
  if (loaded) {
    if (LoadedPathStorage() == path) return;
    throw Error(TF_FAILED_PRECONDITION, "libtensorflow is already loaded from " + LoadedPathStorage() +
                                            "; a process can hold one. Received " + path);
  }
  std::string reason;
  void* handle = Open(path, &reason);
  if (handle == nullptr) throw Error(TF_NOT_FOUND, reason);
  // Never destroyed: TensorFlow's threads may call into it until the process ends.
  auto* functions = new Functions();
#define KE_TF(result, name, parameters)                                             \
  functions->name = reinterpret_cast<result(*) parameters>(Resolve(handle, #name)); \
  if (functions->name == nullptr) reason += std::string(reason.empty() ? "" : ", ") + #name;
#include "tensorflow/functions.inc"
#undef KE_TF
  if (!reason.empty()) {
    delete functions;
    throw Error(TF_FAILED_PRECONDITION, path + " is no usable TensorFlow library: it lacks " + reason);
  }
  internal::functions = functions;
  LoadedPathStorage() = path;
  loaded = true;
}

bool IsLoaded() { return loaded; }

std::string LoadedPath() {
  std::lock_guard<std::mutex> lock(load_mutex);
  return LoadedPathStorage();
}

const char* CodeName(TF_Code code) {
  switch (code) {
    case TF_OK:
      return "OK";
    case TF_CANCELLED:
      return "CANCELLED";
    case TF_UNKNOWN:
      return "UNKNOWN";
    case TF_INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case TF_DEADLINE_EXCEEDED:
      return "DEADLINE_EXCEEDED";
    case TF_NOT_FOUND:
      return "NOT_FOUND";
    case TF_ALREADY_EXISTS:
      return "ALREADY_EXISTS";
    case TF_PERMISSION_DENIED:
      return "PERMISSION_DENIED";
    case TF_RESOURCE_EXHAUSTED:
      return "RESOURCE_EXHAUSTED";
    case TF_FAILED_PRECONDITION:
      return "FAILED_PRECONDITION";
    case TF_ABORTED:
      return "ABORTED";
    case TF_OUT_OF_RANGE:
      return "OUT_OF_RANGE";
    case TF_UNIMPLEMENTED:
      return "UNIMPLEMENTED";
    case TF_INTERNAL:
      return "INTERNAL";
    case TF_UNAVAILABLE:
      return "UNAVAILABLE";
    case TF_DATA_LOSS:
      return "DATA_LOSS";
    case TF_UNAUTHENTICATED:
      return "UNAUTHENTICATED";
  }
  return "UNKNOWN";
}

}  // namespace ke::tf
