#include "wire/crc32c.h"

#include <array>
#include <cstring>

namespace ke::graph {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // reflected
constexpr uint32_t kMask = 0xA282EAD8;

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// tables[k][b]: the effect of byte b on the checksum k bytes later.
constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

uint64_t Load(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

uint32_t ByTables(uint32_t crc, const char* at, const char* end) {
  for (; end - at >= 8; at += 8) {
    const uint64_t word = Load(at) ^ crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][(word >> (8 * k)) & 0xFF];
  }
  for (; at < end; ++at) crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint8_t>(*at)) & 0xFF];
  return crc;
}

#if defined(__x86_64__) && defined(__GNUC__)

__attribute__((target("sse4.2"))) uint32_t ByInstruction(uint32_t crc, const char* at, const char* end) {
  uint64_t wide = crc;
  for (; end - at >= 8; at += 8) wide = __builtin_ia32_crc32di(wide, Load(at));
  return ByTables(static_cast<uint32_t>(wide), at, end);
}

uint32_t Extend(uint32_t crc, const char* at, const char* end) {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  return has_instruction ? ByInstruction(crc, at, end) : ByTables(crc, at, end);
}

#else

uint32_t Extend(uint32_t crc, const char* at, const char* end) { return ByTables(crc, at, end); }

#endif

}  // namespace

uint32_t Crc32cByTables(std::string_view bytes) {
  return ~ByTables(~uint32_t{0}, bytes.data(), bytes.data() + bytes.size());
}

uint32_t MaskedCrc32c(std::string_view bytes) {
  const uint32_t crc = ~Extend(~uint32_t{0}, bytes.data(), bytes.data() + bytes.size());
  return ((crc >> 15) | (crc << 17)) + kMask;
}

}  // namespace ke::graph
