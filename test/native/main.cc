// Runs the native tests with a real libtensorflow: the library in KERAS_EXPLAINABLE_TENSORFLOW_DIR.
// scripts/test-native.mjs sets the variable to the library that the package would use.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>

#include "server_process.h"
#include "tensorflow/library.h"

namespace {

std::string FindLibrary(const std::filesystem::path& directory) {
  for (const char* name :
       {"libtensorflow_cc.so.2", "libtensorflow.so.2", "libtensorflow_cc.2.dylib", "libtensorflow.2.dylib"}) {
    if (std::filesystem::exists(directory / name)) return (directory / name).string();
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const char* directory = std::getenv("KERAS_EXPLAINABLE_TENSORFLOW_DIR");
  const std::string library = directory != nullptr ? FindLibrary(directory) : std::string();
  if (library.empty()) {
    std::fprintf(stderr,
                 "Set KERAS_EXPLAINABLE_TENSORFLOW_DIR to a directory that holds libtensorflow, or run "
                 "`npm run test:native`, which does\n");
    return 2;
  }
  try {
    ke::tf::LoadLibrary(library);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s could not be loaded: %s\n", library.c_str(), error.what());
    return 2;
  }
  if (argc > 1 && std::string(argv[1]) == "--serve") return ke::test::Serve({argv + 2, argv + argc});
  return RUN_ALL_TESTS();
}
