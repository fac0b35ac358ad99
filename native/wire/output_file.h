#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ke::graph {

// A new file that is being written, through a buffer of a megabyte.
class OutputFile {
 public:
  // Throws tf::Error: ALREADY_EXISTS, NOT_FOUND (no such directory), PERMISSION_DENIED or UNKNOWN.
  explicit OutputFile(std::string path);
  // Closes a file that Close has not closed. The file then stays incomplete.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Throws RESOURCE_EXHAUSTED if the disk is full, else UNKNOWN.
  void Write(std::string_view bytes);
  // Writes what is buffered, and waits until the disk has the file. Throws as Write.
  void Close();
  size_t size() const { return size_; }

 private:
  void Flush(std::string_view bytes);
  [[noreturn]] void Fail() const;

  std::string path_;
  int fd_;
  std::string buffer_;
  size_t size_ = 0;
};

}  // namespace ke::graph
