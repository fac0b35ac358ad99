// Runs every input that the fuzzer once found (test/fuzz/regressions/<target>/) through the same target. A
// regression ends the process, or is reported by the build with KE_SANITIZE if only a sanitizer detects it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "targets.h"
#include "wire/bounds.h"
#include "wire/read_file.h"

namespace ke::fuzz {
namespace {

namespace fs = std::filesystem;

// Many times the duration of the slowest input, for a build with sanitizers on a busy machine.
constexpr std::chrono::seconds kLongest(30);

fs::path Folder() { return KE_TEST_FOLDER "/fuzz/regressions"; }

// Returns "target/file" for each input. Called before main: if the folder is missing, GoogleTest fails
// because the suite has no cases.
std::vector<std::string> Finds() {
  std::vector<std::string> finds;
  std::error_code missing;
  for (const auto& entry : fs::recursive_directory_iterator(Folder(), missing)) {
    if (entry.is_regular_file()) finds.push_back(fs::relative(entry.path(), Folder()).generic_string());
  }
  std::sort(finds.begin(), finds.end());
  return finds;
}

class FuzzRegressions : public ::testing::TestWithParam<std::string> {};

TEST_P(FuzzRegressions, ReturnsInTime) {
  const std::string find = GetParam();
  const std::string bytes =
      graph::ReadFile((Folder() / find).string(), "what was found", graph::bounds::kGraphBytes);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_NO_THROW(FindTarget(find.substr(0, find.find('/'))).run(bytes));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, kLongest);
}

INSTANTIATE_TEST_SUITE_P(All, FuzzRegressions, ::testing::ValuesIn(Finds()), [](const auto& info) {
  std::string name = info.param;
  std::replace_if(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace ke::fuzz
