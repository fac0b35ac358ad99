#include "import/path_sample.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "tensorflow/error.h"
#include "wire/input_file.h"
#include "wire/read_file.h"

namespace ke::graph {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kStartBytes = 4096;
constexpr int64_t kEndBytes = 8;

// Throws unless `error` only means that the path does not exist.
void CheckAccess(const std::error_code& error, const std::string& path) {
  if (!error || error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return;
  const TF_Code code = error == std::errc::permission_denied ? TF_PERMISSION_DENIED : TF_NOT_FOUND;
  throw tf::Error(code, "the model cannot be opened: " + path + ": " + error.message());
}

void ReadEnds(const std::string& path, PathSample* sample) {
  const InputFile file(path);
  if (!file.is_open()) CheckAccess(std::error_code(errno, std::generic_category()), path);
  sample->start = file.ReadToEnd(kStartBytes);
  const int64_t size = std::min(file.size(), kEndBytes);
  if (size <= 0) return;
  sample->end.resize(static_cast<size_t>(size));
  if (!file.Read(file.size() - size, size, sample->end.data())) sample->end.clear();
}

}  // namespace

bool PathSample::Holds(const std::string& name) const {
  return kind == Kind::kDirectory && graph::IsFile(path + "/" + name);
}

std::string PathSample::FileName() const { return fs::path(path).filename().string(); }

PathSample SampleOf(const std::string& path) {
  PathSample sample;
  sample.path = path;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  CheckAccess(error, path);
  if (!fs::exists(status)) return sample;
  if (fs::is_directory(status)) {
    sample.kind = PathSample::Kind::kDirectory;
    // A directory without search permission otherwise looks empty.
    if (!fs::exists(path + "/.", error)) CheckAccess(error, path);
    if (sample.Holds("saved_model.pb")) ReadEnds(path + "/saved_model.pb", &sample);
  } else if (fs::is_regular_file(status)) {
    sample.kind = PathSample::Kind::kFile;
    ReadEnds(path, &sample);
  } else {
    sample.kind = PathSample::Kind::kOther;
  }
  return sample;
}

}  // namespace ke::graph
