#pragma once

#include <string>

namespace ke::graph {

// The file's bytes. Throws tf::Error NOT_FOUND, PERMISSION_DENIED or DATA_LOSS, naming the file and, as
// `role`, what it was to be ("the model's graph").
std::string ReadFile(const std::string& path, const std::string& role);

bool IsDirectory(const std::string& path);
bool IsFile(const std::string& path);

}  // namespace ke::graph
