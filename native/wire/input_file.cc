#include "wire/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ke::graph {

InputFile::InputFile(const std::string& path) : fd_(-1) {
  do {
    fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  } while (fd_ < 0 && errno == EINTR);
}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

InputFile::InputFile(InputFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

int64_t InputFile::size() const {
  struct stat info{};
  return fstat(fd_, &info) == 0 ? static_cast<int64_t>(info.st_size) : -1;
}

// Reads as many bytes as one call returns. Returns 0 at the end of the file and -1 on an error.
int64_t InputFile::ReadSome(int64_t offset, int64_t size, char* to) const {
  constexpr int64_t kMostAtOnce = int64_t{1} << 30;  // macOS refuses 2 GiB
  for (;;) {
    const ssize_t read =
        pread(fd_, to, static_cast<size_t>(std::min(size, kMostAtOnce)), static_cast<off_t>(offset));
    if (read >= 0 || errno != EINTR) return read;
  }
}

bool InputFile::Read(int64_t offset, int64_t size, char* to) const {
  while (size > 0) {
    const int64_t read = ReadSome(offset, size, to);
    if (read <= 0) return false;
    offset += read;
    size -= read;
    to += read;
  }
  return true;
}

std::string InputFile::ReadToEnd(int64_t most) const {
  constexpr int64_t kStep = 4096;
  std::string bytes;
  for (auto end = static_cast<int64_t>(bytes.size()); end < most; end = static_cast<int64_t>(bytes.size())) {
    const int64_t step = std::min(kStep, most - end);
    bytes.resize(static_cast<size_t>(end + step));
    const int64_t read = ReadSome(end, step, bytes.data() + end);
    bytes.resize(static_cast<size_t>(end + std::max<int64_t>(0, read)));
    if (read <= 0) break;
  }
  return bytes;
}

}  // namespace ke::graph
