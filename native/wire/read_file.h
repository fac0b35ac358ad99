#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ke::graph {

// Returns the bytes of a file. Throws tf::Error: NOT_FOUND, PERMISSION_DENIED, DATA_LOSS, or OUT_OF_RANGE if
// the file has more than `most` bytes. The error names the file and its `role` (for example "the model's
// graph"). A Git LFS pointer is refused by RefuseLfsPointer.
std::string ReadFile(const std::string& path, const std::string& role, int64_t most);

// Returns whether a file that begins with `start` is the pointer that Git leaves in place of a file in Git
// LFS.
bool IsLfsPointer(std::string_view start);
// Throws UNIMPLEMENTED, with the command that fetches the file, if the file is a Git LFS pointer.
void RefuseLfsPointer(std::string_view start, const std::string& path, const std::string& role);

bool IsDirectory(const std::string& path);
bool IsFile(const std::string& path);

}  // namespace ke::graph
