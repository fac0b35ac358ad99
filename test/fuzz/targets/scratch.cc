#include "scratch.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

namespace ke::fuzz {

namespace fs = std::filesystem;

namespace {

struct Folder {
  std::string path =
      (fs::temp_directory_path() / ("ke-fuzz-" + std::to_string(std::random_device()()))).string();
  Folder() { fs::create_directories(path); }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

}  // namespace

const std::string& ScratchFolder() {
  static const Folder folder;
  return folder.path;
}

std::string WriteScratch(const std::string& name, std::string_view bytes) {
  const std::string path = ScratchFolder() + "/" + name;
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  if (!stream) {
    fs::create_directories(fs::path(path).parent_path());
    stream.open(path, std::ios::binary | std::ios::trunc);
  }
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream.flush()) throw std::runtime_error("no file can be written at " + path);
  return path;
}

void RemoveScratch(const std::string& name) {
  std::error_code ignored;
  fs::remove(ScratchFolder() + "/" + name, ignored);
}

}  // namespace ke::fuzz
