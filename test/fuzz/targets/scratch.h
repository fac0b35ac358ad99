// Files for code that takes paths.
#pragma once

#include <string>
#include <string_view>

namespace ke::fuzz {

// A folder of this process, removed when it ends by itself.
const std::string& ScratchFolder();
// Writes a file of it, with the folders around it; returns its path.
std::string WriteScratch(const std::string& name, std::string_view bytes);
void RemoveScratch(const std::string& name);

}  // namespace ke::fuzz
