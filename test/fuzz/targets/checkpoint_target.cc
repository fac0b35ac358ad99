#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "import/checkpoint.h"
#include "refusal.h"
#include "scratch.h"
#include "targets.h"
#include "tensorflow/protozero.h"

namespace ke::fuzz {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr uint64_t kTableMagic = 0xdb4775248b80fb57;

// Returns the CRC-32C with the mask of TensorFlow's tables.
uint32_t MaskedCrc(std::string_view bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? value >> 1 ^ 0x82f63b78 : value >> 1;
      entries[i] = value;
    }
    return entries;
  }();
  uint32_t crc = 0xffffffff;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<uint8_t>(byte)) & 0xff] ^ crc >> 8;
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8;
}

template <typename Int>
void AppendFixed(std::string* out, Int value) {
  for (size_t i = 0; i < sizeof(Int); ++i) out->push_back(static_cast<char>(value >> 8 * i & 0xff));
}

void AppendVarint(std::string* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

// Appends a block with its trailer to a table and returns the handle of the block (offset and size).
std::string AppendBlock(const std::map<std::string, std::string>& entries, std::string* table) {
  std::string block;
  std::string restarts;
  for (const auto& [key, value] : entries) {
    AppendFixed(&restarts, static_cast<uint32_t>(block.size()));
    AppendVarint(&block, 0);
    AppendVarint(&block, key.size());
    AppendVarint(&block, value.size());
    block += key + value;
  }
  if (entries.empty()) AppendFixed(&restarts, uint32_t{0});
  block += restarts;
  AppendFixed(&block, static_cast<uint32_t>(restarts.size() / 4));
  std::string handle;
  AppendVarint(&handle, table->size());
  AppendVarint(&handle, block.size());
  block.push_back(0);  // not compressed
  AppendFixed(&block, MaskedCrc(block));
  *table += block;
  return handle;
}

std::string Table(const std::map<std::string, std::string>& entries) {
  std::string table;
  const std::string data = AppendBlock(entries, &table);
  const std::string meta = AppendBlock({}, &table);
  const std::string index =
      AppendBlock({{entries.empty() ? std::string() : entries.rbegin()->first, data}}, &table);
  std::string footer = meta + index;
  footer.resize(40, '\0');
  AppendFixed(&footer, kTableMagic);
  return table + footer;
}

std::string ReadText(pbf_reader* reader) {
  const protozero::data_view view = reader->get_view();
  return {view.data(), view.size()};
}

bool IsText(const pbf_reader& reader, uint32_t tag) {
  return reader.tag() == tag && reader.wire_type() == pbf_wire_type::length_delimited;
}

}  // namespace

void CheckpointFiles(std::string_view bytes) {
  std::map<std::string, std::string> entries;
  std::string data;
  try {
    pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next()) {
      if (IsText(reader, 2)) {
        data = ReadText(&reader);
      } else if (IsText(reader, 1)) {
        const std::string entry = ReadText(&reader);
        std::string key;
        std::string value;
        pbf_reader field(entry.data(), entry.size());
        while (field.next()) {
          if (IsText(field, 1)) {
            key = ReadText(&field);
          } else if (IsText(field, 2)) {
            value = ReadText(&field);
          } else {
            field.skip();
          }
        }
        entries[key] = value;
      } else {
        reader.skip();
      }
    }
  } catch (const protozero::exception&) {
    // The entries read before the error count.
  }
  WriteScratch("checkpoint.index", Table(entries));
  WriteScratch("checkpoint.data-00000-of-00001", data);
  graph::Checkpoint checkpoint(ScratchFolder() + "/checkpoint");
  std::vector<std::string> keys;
  Try([&] { keys = checkpoint.ObjectKeys(); });
  for (const auto& [key, value] : entries) keys.push_back(key);
  for (const std::string& key : keys) {
    graph::FlatWeight weight;
    weight.name = key;
    weight.shape = graph::Shape::Unknown();
    Try([&] { checkpoint.ReadStrings(key, key); });
    for (const TF_DataType dtype : {TF_FLOAT, TF_INT64, TF_STRING}) {
      weight.dtype = dtype;
      Try([&] { checkpoint.Read(key, weight); });
    }
  }
}

}  // namespace ke::fuzz
