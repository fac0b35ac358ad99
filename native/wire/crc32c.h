#pragma once

#include <cstdint>
#include <string_view>

namespace ke::graph {

// CRC-32C (Castagnoli), masked as TensorFlow stores it.
uint32_t MaskedCrc32c(std::string_view bytes);

// The sum itself, computed without the processor's instruction, as it is where there is none.
uint32_t Crc32cByTables(std::string_view bytes);

}  // namespace ke::graph
