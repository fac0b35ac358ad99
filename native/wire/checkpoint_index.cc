#include "wire/checkpoint_index.h"

#include <bit>

#include "tensorflow/protozero.h"
#include "wire/bounds.h"
#include "wire/crc32c.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

// A LevelDB table consists of blocks of sorted keys with their values, a block that locates these blocks, and
// the footer.
constexpr size_t kFooterBytes = 48;
constexpr size_t kMagicBytes = 8;
constexpr uint64_t kMagic = 0xDB4775248B80FB57;
constexpr size_t kTrailerBytes = 5;  // the type of compression, and the checksum

static_assert(std::endian::native == std::endian::little, "values are read as they are stored");

template <typename T>
T Load(std::string_view bytes) {
  T value = 0;
  bytes.copy(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

class Table {
 public:
  Table(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  // Calls visit(key, value) for every entry, in order.
  template <typename Visit>
  void ForEach(Visit visit) const {
    if (bytes_.size() < kFooterBytes) Damaged("it ends before its footer");
    std::string_view footer = bytes_.substr(bytes_.size() - kFooterBytes);
    if (Load<uint64_t>(footer.substr(kFooterBytes - kMagicBytes)) != kMagic)
      Damaged("it does not end as an index");
    Handle(&footer);  // of the block that describes the table, which no reader uses
    ForEachInBlock(Block(&footer),
                   [&](std::string_view, std::string_view handle) { ForEachInBlock(Block(&handle), visit); });
  }

  [[noreturn]] void Damaged(const std::string& why) const {
    throw tf::Error(TF_DATA_LOSS,
                    "the model's variables cannot be read: " + path_ + " is truncated or damaged: " + why);
  }

 private:
  uint64_t Varint(std::string_view* bytes) const {
    const char* at = bytes->data();
    try {
      const uint64_t value = protozero::decode_varint(&at, bytes->data() + bytes->size());
      bytes->remove_prefix(static_cast<size_t>(at - bytes->data()));
      return value;
    } catch (const protozero::exception& error) {
      Damaged(error.what());
    }
  }

  std::string_view Take(std::string_view* bytes, uint64_t count) const {
    if (count > bytes->size()) Damaged("an entry is cut");
    const std::string_view taken = bytes->substr(0, count);
    bytes->remove_prefix(count);
    return taken;
  }

  std::pair<uint64_t, uint64_t> Handle(std::string_view* bytes) const {
    const uint64_t offset = Varint(bytes);
    return {offset, Varint(bytes)};
  }

  // Returns the entries of the block that a handle points to.
  std::string_view Block(std::string_view* handle) const {
    const auto [offset, size] = Handle(handle);
    if (offset > bytes_.size() || size > bytes_.size() - offset ||
        bytes_.size() - offset - size < kTrailerBytes) {
      Damaged("a block lies outside of it");
    }
    std::string_view block = bytes_.substr(offset, size);
    const std::string_view trailer = bytes_.substr(offset + size, kTrailerBytes);
    if (MaskedCrc32c(bytes_.substr(offset, size + 1)) != Load<uint32_t>(trailer.substr(1))) {
      Damaged("the sum of a block is wrong");
    }
    if (trailer[0] != 0) {
      throw tf::Error(TF_UNIMPLEMENTED,
                      path_ + " is compressed, which TensorFlow never wrote: save the model again");
    }
    // The block ends with the positions of whole keys, and their number.
    if (block.size() < 4) Damaged("a block is empty");
    const uint64_t restarts = Load<uint32_t>(block.substr(block.size() - 4));
    block.remove_suffix(4);
    if (restarts > block.size() / 4) Damaged("a block is cut");
    block.remove_suffix(4 * restarts);
    return block;
  }

  template <typename Visit>
  void ForEachInBlock(std::string_view block, Visit visit) const {
    std::string key;
    while (!block.empty()) {
      const uint64_t shared = Varint(&block);
      const uint64_t fresh = Varint(&block);
      const uint64_t length = Varint(&block);
      if (shared > key.size()) Damaged("a key shares more than there is");
      key.resize(shared);
      key += Take(&block, fresh);
      visit(key, Take(&block, length));
    }
  }

  std::string_view bytes_;
  const std::string& path_;
};

}  // namespace

CheckpointIndex ReadCheckpointIndex(std::string_view bytes, const std::string& path) {
  const Table table(bytes, path);
  CheckpointIndex index;
  bool has_header = false;
  Allowance entries(bounds::kStored, "tensors");
  Allowance keys(bounds::kStoredKeys, "bytes of keys");
  table.ForEach([&](std::string_view key, std::string_view value) {
    entries.Take(1, path);
    keys.Take(static_cast<int64_t>(key.size()), path);
    const std::string what = key.empty() ? path : "'" + std::string(key) + "' in " + path;
    if (key.empty()) {
      if (has_header) table.Damaged("it has two headers");
      has_header = true;
      const proto::BundleHeader header = proto::ReadBundleHeader(value);
      if (header.big_endian) {
        throw tf::Error(TF_UNIMPLEMENTED, path + " was written on a machine of another byte order");
      }
      index.shards = header.shards;
      return;
    }
    if (!has_header) table.Damaged("it has no header");
    if (!index.tensors.empty() && key <= index.tensors.rbegin()->first)
      table.Damaged("its keys are not in order");
    StoredTensor stored = proto::ReadBundleEntry(value);
    CheckShape(stored.shape, what);
    if (!stored.shape.IsFullyKnown()) table.Damaged("the shape of '" + std::string(key) + "' is not known");
    if (stored.offset < 0 || stored.size < 0 || stored.shard < 0 || stored.shard >= index.shards) {
      table.Damaged("'" + std::string(key) + "' lies in no file");
    }
    index.tensors.emplace_hint(index.tensors.end(), key, std::move(stored));
  });
  if (!has_header) table.Damaged("it has no header");
  return index;
}

}  // namespace ke::graph
