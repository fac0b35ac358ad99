// What the fuzzer found once (test/fuzz/regressions/<target>/), given to the same code again: a find that
// comes back ends the process, or, where only a sanitizer sees it, the build with KE_SANITIZE.
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

// Many times what any takes, in a build with sanitizers on a machine that is busy.
constexpr std::chrono::seconds kLongest(30);

fs::path Folder() { return KE_TEST_FOLDER "/fuzz/regressions"; }

// "target/file" of each. Called before main: where there is no folder, GoogleTest fails for want of cases.
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

TEST_P(FuzzRegressions, EndsWell) {
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
