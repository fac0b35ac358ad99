#pragma once

#include <cstdint>
#include <string>

namespace ke::graph {

// A file that is open for reading. Child processes do not inherit it, which they would of a std::ifstream.
class InputFile {
 public:
  // errno says why a file cannot be opened.
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;

  bool is_open() const { return fd_ >= 0; }
  // Bytes; -1 where that cannot be told.
  int64_t size() const;
  // Whether `size` bytes from `offset` on were read: fewer where the file ends before.
  bool Read(int64_t offset, int64_t size, char* to) const;
  // The bytes up to the end of the file, at most `most`: for files of the system, which tell no size.
  std::string ReadToEnd(int64_t most) const;

 private:
  int64_t ReadSome(int64_t offset, int64_t size, char* to) const;

  int fd_;
};

}  // namespace ke::graph
