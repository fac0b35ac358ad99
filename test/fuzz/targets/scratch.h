// Temporary files for code that takes paths.
#pragma once

#include <string>
#include <string_view>

namespace ke::fuzz {

// Returns a folder of this process. A normal exit removes the folder.
const std::string& ScratchFolder();
// Writes a file in the scratch folder, creates its parent folders, and returns its path.
std::string WriteScratch(const std::string& name, std::string_view bytes);
void RemoveScratch(const std::string& name);

}  // namespace ke::fuzz
