#pragma once

#include <string>

#include "tensorflow/c_types.h"

namespace ke::tf {

// TensorFlow's C API as a table of function pointers, each with TensorFlow's name.
struct Functions {
#define KE_TF(result, name, parameters) result(*name) parameters = nullptr;
#include "tensorflow/functions.inc"
#undef KE_TF
};

// Returns the version that the library at `path` reports. The call opens the library, which then stays in the
// process, and calls no other function of the library. Throws Error as LoadLibrary does. Thread-safe. Takes
// as long as LoadLibrary.
std::string LibraryVersion(const std::string& path);

// Opens the shared library at `path` and resolves every function. The library is opened once per process and
// never closed, because TensorFlow's threads outlive any caller. A second call returns at once, and throws
// FAILED_PRECONDITION if `path` is another file. Thread-safe. Takes 0.2 to 0.6 s: call LoadLibrary from a
// background thread. Throws Error (NOT_FOUND, or FAILED_PRECONDITION with the name of a missing function).
// The libtensorflow_framework beside `path` is used, whatever LD_LIBRARY_PATH contains. If the process
// already holds another libtensorflow_framework, the error is NOT_FOUND with the path of that framework.
void LoadLibrary(const std::string& path);

// Returns whether LoadLibrary has succeeded.
bool IsLoaded();

// Returns the path that was loaded; empty before LoadLibrary has succeeded.
std::string LoadedPath();

namespace internal {
extern const Functions* functions;
}

// Returns the loaded functions. Precondition: IsLoaded(). The binding checks IsLoaded() before any native
// object exists.
inline const Functions& C() { return *internal::functions; }

}  // namespace ke::tf
