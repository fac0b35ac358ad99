#include "wire/read_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "tensorflow/error.h"
#include "wire/bounds.h"
#include "wire/input_file.h"

namespace ke::graph {

namespace fs = std::filesystem;

std::string ReadFile(const std::string& path, const std::string& role, int64_t most) {
  std::error_code error;
  if (!fs::exists(path, error)) throw tf::Error(TF_NOT_FOUND, role + " is missing: there is no file " + path);
  if (!IsFile(path)) throw tf::Error(TF_NOT_FOUND, role + " must be a file: " + path);
  const InputFile file(path);
  const int64_t size = file.is_open() ? file.size() : -1;
  if (size < 0) {
    throw tf::Error(TF_PERMISSION_DENIED, role + " cannot be opened: " + path + ": " + std::strerror(errno));
  }
  if (size > most) TooMuch(role + " (" + path + ": " + std::to_string(size) + " bytes)", most, "bytes");
  std::string bytes(static_cast<size_t>(size), '\0');
  if (!file.Read(0, size, bytes.data()))
    throw tf::Error(TF_DATA_LOSS, role + " cannot be read to its end: " + path);
  RefuseLfsPointer(bytes, path, role);
  return bytes;
}

bool IsLfsPointer(std::string_view start) { return start.starts_with("version https://git-lfs"); }

void RefuseLfsPointer(std::string_view start, const std::string& path, const std::string& role) {
  if (!IsLfsPointer(start)) return;
  throw tf::Error(
      TF_UNIMPLEMENTED,
      role + ": " + path + " is a Git LFS pointer, not the file itself. Fetch the file: git lfs pull");
}

bool IsDirectory(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool IsFile(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

}  // namespace ke::graph
