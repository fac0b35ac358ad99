#pragma once

#include <cstdint>
#include <string>

namespace ke::graph {

// Returns the bytes of a file. Throws tf::Error: NOT_FOUND, PERMISSION_DENIED, DATA_LOSS, or OUT_OF_RANGE if
// the file has more than `most` bytes. The error names the file and its `role` (for example "the model's
// graph").
std::string ReadFile(const std::string& path, const std::string& role, int64_t most);

bool IsDirectory(const std::string& path);
bool IsFile(const std::string& path);

}  // namespace ke::graph
