// Tests of checkpoints: files written by TensorFlow are read bit for bit, and files with false sizes are
// refused before memory is allocated.
#include "import/checkpoint.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "crafted_graph.h"
#include "tensorflow/protozero.h"
#include "wire/bounds.h"
#include "wire/checkpoint_index.h"
#include "wire/crc32c.h"
#include "wire/input_file.h"
#include "wire/read_file.h"

namespace ke::graph {
namespace {

using protozero::pbf_writer;

// The standard check value, and the values of RFC 3720.
TEST(Crc32c, MatchesTheCastagnoliPolynomial) {
  EXPECT_EQ(Crc32cByTables("123456789"), 0xE3069283U);
  EXPECT_EQ(Crc32cByTables(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(Crc32cByTables(std::string(32, '\xFF')), 0x62A8AB43U);
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    const uint32_t crc = Crc32cByTables(bytes);
    EXPECT_EQ(MaskedCrc32c(bytes), ((crc >> 15) | (crc << 17)) + 0xA282EAD8U) << i;
    bytes.push_back(static_cast<char>(7 * i + 1));
  }
}

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

template <typename T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

using Entries = std::vector<std::pair<std::string, std::string>>;

// Appends a block and returns its handle.
std::string AddBlock(const Entries& entries, std::string* table) {
  std::string block;
  for (const auto& [key, value] : entries) {
    block += Varint(0) + Varint(key.size()) + Varint(value.size()) + key + value;
  }
  block += Raw<uint32_t>(0) + Raw<uint32_t>(1);
  const std::string handle = Varint(table->size()) + Varint(block.size());
  block.push_back(0);
  *table += block + Raw(MaskedCrc32c(block));
  return handle;
}

// Returns an index with correct checksums, whatever the entries are.
std::string Index(const Entries& entries) {
  std::string table;
  const std::string data = AddBlock(entries, &table);
  const std::string meta = AddBlock({}, &table);
  std::string footer = meta + AddBlock({{"~", data}}, &table);
  footer.resize(40);
  return table + footer + Raw<uint64_t>(0xDB4775248B80FB57);
}

std::string Header() {
  std::string bytes;
  pbf_writer(bytes).add_int32(1, 1);
  return bytes;
}

struct Stored {
  std::vector<int64_t> dims = {2, 3};
  int64_t size = 24;
  int64_t offset = 0;
  TF_DataType dtype = TF_FLOAT;
  uint32_t crc32c = 0;
  int64_t shard = 0;
};

std::string Entry(const Stored& stored) {
  std::string bytes;
  pbf_writer entry(bytes);
  entry.add_enum(1, stored.dtype);
  {
    pbf_writer shape(entry, 2);
    for (const int64_t size : stored.dims) {
      pbf_writer dim(shape, 2);
      dim.add_int64(1, size);
    }
  }
  entry.add_int64(3, stored.shard);
  entry.add_int64(4, stored.offset);
  entry.add_int64(5, stored.size);
  entry.add_fixed32(6, stored.crc32c);
  return bytes;
}

class CraftedCheckpoint : public BadInput {
 protected:
  // Returns the variable of an entry, read from a data file of 24 bytes. `declared` is the shape in the
  // graph.
  tf::TensorPtr Read(const Stored& stored, const Shape& declared = Shape::Unknown()) const {
    return ReadFrom(Index({{"", Header()}, {"w", Entry(stored)}}), declared);
  }
  tf::TensorPtr ReadFrom(const std::string& index, const Shape& declared = Shape::Unknown()) const {
    Write("v.index", index);
    Write("v.data-00000-of-00001", kValues);
    FlatWeight weight;
    weight.name = "dense/kernel";
    weight.shape = declared;
    return Checkpoint((folder_ / "v").string()).Read("w", weight);
  }

  template <typename Call>
  void ExpectRefused(Call call, TF_Code code, const std::string& message) const {
    try {
      call();
      ADD_FAILURE() << "is read: " << message;
    } catch (const tf::Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  }
  void Refuse(const Stored& stored, TF_Code code, const std::string& message,
              const Shape& declared = Shape::Unknown()) const {
    ExpectRefused([&] { Read(stored, declared); }, code, message);
  }

  const std::string kValues = "abcdefghijklmnopqrstuvwx";
  const uint32_t kSum = MaskedCrc32c("abcdefghijklmnopqrstuvwx");
};

TEST_F(CraftedCheckpoint, IsReadIfValid) {
  const tf::TensorPtr value = Read({.crc32c = kSum}, Shape::Of({2, -1}));
  EXPECT_EQ(std::string(static_cast<const char*>(tf::C().TF_TensorData(value.get())), 24), kValues);
  EXPECT_EQ(tf::Dims(value.get()), (std::vector<int64_t>{2, 3}));
  // A variable without values.
  EXPECT_NO_THROW(Read({.dims = {0, 3}, .size = 0, .crc32c = MaskedCrc32c("")}));
}

// TensorFlow's reader would allocate the claimed size, or end the process if the shape is invalid.
TEST_F(CraftedCheckpoint, IsRefusedIfASizeIsFalse) {
  constexpr int64_t kHuge = int64_t{1} << 50;
  Refuse({.dims = {kHuge}}, TF_DATA_LOSS,
         "expected 4503599627370496 bytes for shape (1125899906842624), found 24");
  Refuse({.dims = {kHuge}, .size = 4 * kHuge}, TF_DATA_LOSS, "are not in");
  Refuse({.dims = {kHuge, kHuge}}, TF_OUT_OF_RANGE, "elements");
  Refuse({.dims = {-1}}, TF_DATA_LOSS, "is not known");
  Refuse({.dims = {-5}}, TF_DATA_LOSS, "a dimension of -5");
  Refuse({.dims = std::vector<int64_t>(255, 1)}, TF_OUT_OF_RANGE, "254 dimensions");
  Refuse({.offset = 8}, TF_DATA_LOSS, "its bytes 8 to 32 are not in");
  Refuse({.offset = INT64_MAX}, TF_DATA_LOSS, "are not in");
  Refuse({.offset = -8}, TF_DATA_LOSS, "lies in no file");
  Refuse({.size = -24}, TF_DATA_LOSS, "lies in no file");
  Refuse({.shard = 1}, TF_DATA_LOSS, "lies in no file");
  Refuse({.dims = {2, 4}, .size = 32}, TF_DATA_LOSS, "are not in");
}

TEST_F(CraftedCheckpoint, IsRefusedIfItDoesNotFitTheGraph) {
  Refuse({.crc32c = kSum}, TF_DATA_LOSS, "expected dtype 1 and shape (3, 2), found dtype 1 and shape (2, 3)",
         Shape::Of({3, 2}));
  Refuse({.dtype = TF_INT32, .crc32c = kSum}, TF_DATA_LOSS, "found dtype 3");
  Refuse({.crc32c = kSum ^ 1}, TF_DATA_LOSS, "its sum is not that of the checkpoint");
  ExpectRefused([&] { ReadFrom(Index({{"", Header()}})); }, TF_NOT_FOUND, "is not in the checkpoint");
}

TEST_F(CraftedCheckpoint, IsRefusedIfItsTableIsDamaged) {
  const std::string entry = Entry({.crc32c = kSum});
  const auto refuse = [&](const std::string& index, const std::string& message) {
    ExpectRefused([&] { ReadFrom(index); }, TF_DATA_LOSS, message);
  };
  refuse(Index({{"w", entry}}), "no header");
  refuse(Index({{"", Header()}, {"w", entry}, {"w", entry}}), "not in order");
  refuse(Index({{"", Header()}, {"", Header()}}), "two headers");
  const std::string whole = Index({{"", Header()}, {"w", entry}});
  for (size_t size = 0; size < whole.size(); ++size) refuse(whole.substr(whole.size() - size), "v.index");
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    // Damage to unread bytes is allowed.
    try {
      ReadFrom(damaged);
    } catch (const tf::Error& error) {
      EXPECT_TRUE(error.code() == TF_DATA_LOSS || error.code() == TF_UNIMPLEMENTED) << error.what();
    }
  }
}

// A model whose index has false sizes is refused.
TEST_F(CraftedCheckpoint, IsRefusedAsPartOfAModel) {
  const std::string model = Copy("keras3-nested");
  const std::string index = model + "/variables/variables.index";
  const std::string bytes = ReadFile(index, "", bounds::kSideFileBytes);
  Entries entries = {{"", Header()}};
  for (const auto& [key, stored] : ReadCheckpointIndex(bytes, index).tensors) {
    std::vector<int64_t> dims = stored.shape.dims;
    if (!dims.empty()) dims[0] = int64_t{1} << 50;
    entries.emplace_back(
        key, Entry({dims, stored.size, stored.offset, stored.dtype, stored.crc32c, stored.shard}));
  }
  const std::string crafted = Index(entries);
  std::ofstream(index, std::ios::binary).write(crafted.data(), static_cast<std::streamsize>(crafted.size()));
  const tf::Error error = LoadError(At(model));
  EXPECT_EQ(error.code(), TF_DATA_LOSS) << error.what();
  EXPECT_FALSE(error.op().empty());
}

// The bytes of a tensor of strings: lengths, the checksum of the lengths, and `text`.
struct StoredStrings {
  std::string lengths = Varint(2) + Varint(0) + Varint(3);
  std::string checked = Raw<uint32_t>(2) + Raw<uint32_t>(0) + Raw<uint32_t>(3);
  std::string text = "abxyz";
};

class CraftedStrings : public BadInput {
 protected:
  std::vector<std::string> Read(const StoredStrings& strings, Stored stored = {.dims = {3}}) const {
    const std::string sum = Raw(MaskedCrc32c(strings.checked));
    const std::string bytes = strings.lengths + sum + strings.text;
    if (stored.dtype == TF_FLOAT) stored.dtype = TF_STRING;
    if (stored.size == 24) stored.size = std::ssize(bytes);
    stored.crc32c ^= MaskedCrc32c(strings.checked + sum + strings.text);
    Write("v.index", Index({{"", Header()}, {"w", Entry(stored)}}));
    Write("v.data-00000-of-00001", bytes);
    return Checkpoint((folder_ / "v").string()).ReadStrings("w", "words");
  }
  void Refuse(const StoredStrings& strings, const Stored& stored, const std::string& message) const {
    try {
      Read(strings, stored);
      ADD_FAILURE() << "is read: " << message;
    } catch (const tf::Error& error) {
      EXPECT_EQ(error.code(), TF_DATA_LOSS) << error.what();
      EXPECT_EQ(error.op(), "words");
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  }
};

TEST_F(CraftedStrings, AreReadIfValid) {
  EXPECT_EQ(Read({}), (std::vector<std::string>{"ab", "", "xyz"}));
  EXPECT_EQ(Read({"", "", ""}, {.dims = {0}}), std::vector<std::string>());
}

TEST_F(CraftedStrings, AreRefusedIfASizeIsFalse) {
  Refuse({}, {.dims = {int64_t{1} << 50}}, "bytes for 1125899906842624 strings");
  Refuse({}, {.dims = {12}}, "cannot be read");
  Refuse({}, {.dims = {3, 1}}, "no list of strings");
  Refuse({}, {.dims = {3}, .dtype = TF_INT64}, "no list of strings");
  Refuse({}, {.dims = {3}, .size = 100}, "are not in");
  Refuse({}, {.dims = {3}, .size = 5}, "its strings are missing");
  Refuse({}, {.dims = {3}, .crc32c = 1}, "its sum is not that of the checkpoint");
  StoredStrings longer;
  longer.lengths = Varint(2) + Varint(0) + Varint(4);
  longer.checked = Raw<uint32_t>(2) + Raw<uint32_t>(0) + Raw<uint32_t>(4);
  Refuse(longer, {.dims = {3}}, "longer than the bytes");
  longer.lengths = Varint(2) + Varint(0) + Varint(UINT64_MAX);
  longer.checked = Raw<uint32_t>(2) + Raw<uint32_t>(0) + Raw<uint32_t>(UINT32_MAX);
  Refuse(longer, {.dims = {3}}, "longer than the bytes");
}

#ifdef __linux__
// Returns whether a child process would inherit an open file of this process whose name ends with `suffix`.
// Returns nullopt if no such file is open.
std::optional<bool> IsInherited(const std::string& suffix) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string path = std::filesystem::read_symlink(entry.path(), error).string();
    if (!path.ends_with(suffix)) continue;
    return (fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC) == 0;
  }
  return std::nullopt;
}

TEST_F(CraftedCheckpoint, IsNotInheritedByChildProcesses) {
  const std::string prefix = Copy("keras3-nested") + "/variables/variables";
  const std::string index = ReadFile(prefix + ".index", "", bounds::kSideFileBytes);
  Checkpoint checkpoint(prefix);
  for (const auto& [key, stored] : ReadCheckpointIndex(index, prefix).tensors) {
    if (stored.dtype != TF_FLOAT) continue;
    FlatWeight weight;
    weight.name = key;
    weight.dtype = stored.dtype;
    weight.shape = stored.shape;
    checkpoint.Read(key, weight);
    break;
  }
  const std::optional<bool> inherited = IsInherited(".data-00000-of-00001");
  ASSERT_TRUE(inherited.has_value());
  EXPECT_FALSE(*inherited);
}
#endif

TEST(InputFile, ReadsRangesAndUpToTheEnd) {
  const std::string path = ::testing::TempDir() + "/ke_input_file";
  std::string text(10'000, ' ');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 26);
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
  const InputFile file(path);
  ASSERT_TRUE(file.is_open());
  EXPECT_EQ(file.size(), 10'000);
  EXPECT_EQ(file.ReadToEnd(20'000), text);
  EXPECT_EQ(file.ReadToEnd(5'000), text.substr(0, 5'000));
  std::string part(4'000, ' ');
  EXPECT_TRUE(file.Read(6'000, 4'000, part.data()));
  EXPECT_EQ(part, text.substr(6'000));
  EXPECT_FALSE(file.Read(6'001, 4'000, part.data()));
  EXPECT_FALSE(InputFile(path + ".none").is_open());
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace ke::graph
