#pragma once

#include <cstdint>
#include <string>

namespace ke::graph {

// The file's bytes. Throws tf::Error NOT_FOUND, PERMISSION_DENIED or DATA_LOSS, or OUT_OF_RANGE where it has
// more than `most` bytes, naming the file and, as `role`, what it was to be ("the model's graph").
std::string ReadFile(const std::string& path, const std::string& role, int64_t most);

bool IsDirectory(const std::string& path);
bool IsFile(const std::string& path);

}  // namespace ke::graph
