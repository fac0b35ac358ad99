#pragma once

#include <string>

#include "tensorflow/c_types.h"

namespace ke::tf {

// TensorFlow's C API as a table of function pointers, each named as in TensorFlow.
struct Functions {
#define KE_TF(result, name, parameters) result(*name) parameters = nullptr;
#include "tensorflow/functions.inc"
#undef KE_TF
};

// What the library at `path` says its version is; that is the only function of it which is called. It is
// opened for that, and stays in the process. Throws Error as LoadLibrary does. Thread-safe, and as slow.
std::string LibraryVersion(const std::string& path);

// Opens the shared library at `path` and resolves every function. The library is opened once per process and
// never closed (TensorFlow's threads outlive any caller); a second call returns at once and throws
// FAILED_PRECONDITION where it names another file. Thread-safe; takes 0.2 to 0.6 s: call it from a background
// thread. Throws Error (NOT_FOUND, or FAILED_PRECONDITION with the name of a missing function). Its
// libtensorflow_framework is the one beside it, whatever LD_LIBRARY_PATH says; where the process holds
// another already, that is NOT_FOUND with its path.
void LoadLibrary(const std::string& path);

// Whether LoadLibrary has succeeded.
bool IsLoaded();

// The path that was loaded, empty before.
std::string LoadedPath();

namespace internal {
extern const Functions* functions;
}

// The loaded functions. Precondition: IsLoaded(); the binding checks it before any native object exists.
inline const Functions& C() { return *internal::functions; }

}  // namespace ke::tf
