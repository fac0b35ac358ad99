#pragma once

#include <cstdint>
#include <string>

namespace ke::graph {

// A file that is open for reading. Unlike a std::ifstream, the file is not inherited by child processes.
class InputFile {
 public:
  // If the file cannot be opened, errno gives the reason.
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;

  bool is_open() const { return fd_ >= 0; }
  // Returns the size in bytes, or -1 if the size is unknown.
  int64_t size() const;
  // Returns whether all `size` bytes from `offset` on were read. The result is false if the file ends
  // earlier.
  bool Read(int64_t offset, int64_t size, char* to) const;
  // Returns the bytes up to the end of the file, at most `most`. For system files, which report no size.
  std::string ReadToEnd(int64_t most) const;

 private:
  int64_t ReadSome(int64_t offset, int64_t size, char* to) const;

  int fd_;
};

}  // namespace ke::graph
