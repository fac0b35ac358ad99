#include "tensorflow/library.h"

#include <dlfcn.h>
#ifdef __linux__
#include <link.h>
#endif

#include <atomic>
#include <filesystem>
#include <mutex>
#include <system_error>

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

#ifdef __linux__
constexpr const char* kFramework = "libtensorflow_framework.so.2";

// Returns the path of a libtensorflow_framework that the process already holds and that is not `expected`;
// empty if there is none. The dynamic loader reuses a loaded library for every request of the same name, from
// any directory. A framework of another release would be linked with our libtensorflow, and fail with an
// obscure message or compute with mixed code.
std::string OtherFramework(const std::filesystem::path& expected) {
  void* handle = dlopen(kFramework, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return {};
  link_map* map = nullptr;
  const std::string present = dlinfo(handle, RTLD_DI_LINKMAP, static_cast<void*>(&map)) == 0 && map != nullptr
                                  ? map->l_name
                                  : std::string();
  dlclose(handle);  // drops only the reference that this function took
  std::error_code error;
  if (std::filesystem::equivalent(present, expected, error)) return {};
  return present.empty() ? "another " + std::string(kFramework) : present;
}
#endif

void* OpenFile(const std::string& path, std::string* reason) {
  void* handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* text = dlerror();
    *reason = text != nullptr ? text : "dlopen failed";
  }
  return handle;
}

void* Open(const std::string& path, std::string* reason) {
#ifdef __linux__
  const std::filesystem::path framework = std::filesystem::path(path).replace_filename(kFramework);
  std::error_code error;
  if (std::filesystem::exists(framework, error)) {
    const std::string other = OtherFramework(framework);
    if (!other.empty()) {
      *reason =
          "the process holds another TensorFlow already, " + other +
          " (by LD_PRELOAD, of another module, or of a library that was refused before), and cannot hold "
          "two: expected " +
          framework.string() + ". Load it first, or in a process of its own";
      return nullptr;
    }
    // The framework is opened by its path, before libtensorflow requests the framework by name.
    // LD_LIBRARY_PATH has priority over libtensorflow's own RUNPATH, and may lead to another release.
    if (OpenFile(framework.string(), reason) == nullptr) return nullptr;
  }
#endif
  return OpenFile(path, reason);
}

void* Resolve(void* handle, const char* name) { return dlsym(handle, name); }

// Requires the lock. Throws if the library is loaded from another path.
bool IsLoadedFrom(const std::string& path) {
  if (!loaded) return false;
  if (LoadedPathStorage() == path) return true;
  throw Error(TF_FAILED_PRECONDITION, "libtensorflow is already loaded from " + LoadedPathStorage() +
                                          "; a process can hold one. Received " + path);
}

// Requires the lock. The library is never closed again, because the effects of loading TensorFlow cannot be
// undone.
void* OpenOrThrow(const std::string& path) {
  std::string reason;
  void* handle = Open(path, &reason);
  if (handle == nullptr) throw Error(TF_NOT_FOUND, reason);
  return handle;
}

}  // namespace

std::string LibraryVersion(const std::string& path) {
  const std::lock_guard<std::mutex> lock(load_mutex);
  if (IsLoadedFrom(path)) return C().TF_Version();
  auto* version = reinterpret_cast<const char* (*)()>(Resolve(OpenOrThrow(path), "TF_Version"));
  const char* text = version != nullptr ? version() : nullptr;
  if (text == nullptr) {
    throw Error(TF_FAILED_PRECONDITION, path + " is no TensorFlow library: it lacks TF_Version");
  }
  return text;
}

void LoadLibrary(const std::string& path) {
  const std::lock_guard<std::mutex> lock(load_mutex);
  if (IsLoadedFrom(path)) return;
  void* handle = OpenOrThrow(path);
  std::string reason;
  // Never destroyed: TensorFlow's threads may use the table until the process ends.
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
