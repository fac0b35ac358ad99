#pragma once

#include <cstdint>
#include <string_view>

namespace ke::graph {

// Returns the CRC-32C (Castagnoli) of `bytes`, masked as TensorFlow stores it.
uint32_t MaskedCrc32c(std::string_view bytes);

// Returns the unmasked CRC-32C, computed without the CRC instruction of the processor. This is the fallback
// for processors without the instruction.
uint32_t Crc32cByTables(std::string_view bytes);

}  // namespace ke::graph
