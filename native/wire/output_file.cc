#include "wire/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "tensorflow/error.h"

namespace ke::graph {
namespace {

constexpr size_t kBuffer = 1 << 20;

TF_Code CodeOf(int error) {
  switch (error) {
    case EEXIST:
      return TF_ALREADY_EXISTS;
    case ENOENT:
    case ENOTDIR:
      return TF_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
      return TF_PERMISSION_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return TF_RESOURCE_EXHAUSTED;
    default:
      return TF_UNKNOWN;
  }
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)), fd_(-1) {
  do {
    fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) Fail();
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) close(fd_);
}

void OutputFile::Write(std::string_view bytes) {
  size_ += bytes.size();
  if (buffer_.size() + bytes.size() > kBuffer) {
    Flush(buffer_);
    buffer_.clear();
  }
  if (bytes.size() >= kBuffer) {
    Flush(bytes);
  } else {
    buffer_ += bytes;
  }
}

void OutputFile::Close() {
  Flush(std::exchange(buffer_, {}));
  if (fsync(fd_) != 0 && errno != EINVAL) Fail();
  if (close(std::exchange(fd_, -1)) != 0) Fail();
}

void OutputFile::Flush(std::string_view bytes) {
  constexpr size_t kMostAtOnce = size_t{1} << 30;  // macOS refuses 2 GiB
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), std::min(bytes.size(), kMostAtOnce));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) Fail();
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void OutputFile::Fail() const {
  const int error = errno;
  throw tf::Error(CodeOf(error), path_ + " cannot be written: " + std::generic_category().message(error));
}

}  // namespace ke::graph
