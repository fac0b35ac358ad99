#include "import/checkpoint.h"

#include <cstdio>

#include "tensorflow/protozero.h"
#include "wire/bounds.h"
#include "wire/crc32c.h"
#include "wire/proto.h"
#include "wire/read_file.h"

namespace ke::graph {

using tf::C;

namespace {

// Enough of a file to recognise a Git LFS pointer.
constexpr int64_t kStartBytes = 64;
// The checksum of the lengths in a tensor of strings.
constexpr int64_t kChecksumBytes = 4;

// The string constants among the inputs of ops. Each constant is read once, because one op may restore all
// variables.
class Strings {
 public:
  explicit Strings(CallTree* tree) : tree_(*tree) {}

  const std::vector<std::string_view>& Get(const Source& op, size_t input) {
    const Source source = tree_.Input(op, input);
    const auto [entry, added] = read_.try_emplace({source.call, source.node});
    if (added) {
      const auto tensor = proto::AttrTensor(tree_.Attr(source.call, source.node, "value"));
      if (tensor) entry->second = proto::TensorStrings(*tensor);
    }
    return entry->second;
  }

 private:
  CallTree& tree_;
  std::map<std::pair<int, int>, std::vector<std::string_view>> read_;
};

// Returns the key from which `value` (the assigned tensor) is restored, or "" if the tensor does not come
// from a checkpoint.
std::string RestoredKey(CallTree* tree, Strings* strings, Source value) {
  for (int hops = 0; hops < 16; ++hops) {
    const proto::NodeDef& node = tree->Node(value);
    if (node.inputs.empty()) return {};
    if (node.op == "Identity" || node.op == "Cast") {
      value = tree->Input(value, 0);
      continue;
    }
    if (node.op != "RestoreV2" || node.inputs.size() < 3) return {};
    const std::vector<std::string_view>& keys = strings->Get(value, 1);
    const std::vector<std::string_view>& slices = strings->Get(value, 2);
    const auto index = static_cast<size_t>(value.output);
    if (index >= keys.size()) return {};
    if (index < slices.size() && !slices[index].empty()) {
      throw tf::Error(TF_UNIMPLEMENTED, "variable '" + std::string(keys[index]) +
                                            "' is stored in slices (partitioned), which is not supported");
    }
    return std::string(keys[index]);
  }
  return {};
}

}  // namespace

RestoredKeys FindRestoredKeys(CallTree* tree, std::string_view restore_op) {
  RestoredKeys found;
  std::vector<int> calls = {0};
  Strings strings(tree);
  const std::string_view restore_node = restore_op.substr(0, restore_op.find(':'));
  for (size_t c = 0; c < calls.size(); ++c) {
    const int call = calls[c];
    for (size_t i = 0; i < tree->Nodes(call).size(); ++i) {
      const int node = static_cast<int>(i);
      const proto::NodeDef& def = tree->Nodes(call)[i];
      // The top level also has calls for other purposes (saving, serving). Only the restore call is entered.
      if ((call != 0 || def.name == restore_node) && tree->IsCall(call, node)) {
        calls.push_back(tree->Expand(call, node));
      }
      const bool fills_table = def.op == "LookupTableImportV2" && def.inputs.size() == 3;
      const bool assigns = (def.op == "AssignVariableOp" || def.op == "Assign") && def.inputs.size() >= 2;
      if (!fills_table && !assigns) continue;
      const Source target = tree->Input({call, node, 0}, 0);
      const std::pair<int, int> place{target.call, target.node};
      std::string key = RestoredKey(tree, &strings, tree->Input({call, node, 0}, 1));
      if (key.empty()) continue;
      if (fills_table) {
        std::string values = RestoredKey(tree, &strings, tree->Input({call, node, 0}, 2));
        if (!values.empty()) found.tables[place] = {std::move(key), std::move(values)};
      } else if (tree->Node(target).op == "VarHandleOp" || IsOldVariable(tree->Node(target).op)) {
        found.variables[place] = std::move(key);
      }
    }
  }
  return found;
}

const CheckpointIndex& Checkpoint::Index(const std::string& variable) {
  if (index_) return *index_;
  const std::string path = prefix_ + ".index";
  if (!IsFile(path)) {
    throw tf::Error(TF_NOT_FOUND,
                    "the model's variables are missing: there is no file " + path +
                        " (needed for variable '" + variable + "')",
                    variable);
  }
  const std::string bytes = ReadFile(path, "the index of the model's variables", bounds::kSideFileBytes);
  return index_.emplace(ReadCheckpointIndex(bytes, path));
}

Checkpoint::Shard& Checkpoint::Open(int64_t number, const std::string& what, const std::string& variable) {
  const auto known = shards_.find(number);
  if (known != shards_.end()) return known->second;
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, ".data-%05lld-of-%05lld", static_cast<long long>(number),
                static_cast<long long>(Index(variable).shards));
  const std::string path = prefix_ + suffix;
  if (!IsFile(path)) {
    throw tf::Error(TF_NOT_FOUND, what + " is missing: there is no file " + path, variable);
  }
  Shard shard{path, InputFile(path)};
  shard.size = shard.file.is_open() ? shard.file.size() : -1;
  if (shard.size < 0)
    throw tf::Error(TF_PERMISSION_DENIED, what + ": " + shard.path + " cannot be opened", variable);
  RefuseLfsPointer(shard.file.ReadToEnd(kStartBytes), shard.path, what);
  return shards_.emplace(number, std::move(shard)).first->second;
}

// Reads the bytes of a tensor into the memory that `memory()` returns. All bytes are in one file.
template <typename Memory>
void Checkpoint::ReadBytes(const StoredTensor& stored, const std::string& what, const std::string& variable,
                           Memory memory) {
  Shard& shard = Open(stored.shard, what, variable);
  if (stored.offset > shard.size || stored.size > shard.size - stored.offset) {
    throw tf::Error(
        TF_DATA_LOSS,
        what + " cannot be read: its bytes " + std::to_string(stored.offset) + " to " +
            std::to_string(static_cast<uint64_t>(stored.offset) + static_cast<uint64_t>(stored.size)) +
            " are not in " + shard.path + ", which has " + std::to_string(shard.size) +
            ": a file is truncated or damaged",
        variable);
  }
  char* to = memory();
  if (!shard.file.Read(stored.offset, stored.size, to)) {
    throw tf::Error(TF_DATA_LOSS, what + " cannot be read to its end: " + shard.path, variable);
  }
}

const StoredTensor& Checkpoint::Find(const std::string& key, const std::string& where,
                                     const std::string& variable) {
  const CheckpointIndex& index = Index(variable);
  const auto found = index.tensors.find(key);
  if (found == index.tensors.end()) {
    throw tf::Error(TF_NOT_FOUND, where + " is not in the checkpoint", variable);
  }
  if (found->second.in_slices) {
    throw tf::Error(TF_UNIMPLEMENTED, where + " is stored in slices (partitioned), which is not supported",
                    variable);
  }
  return found->second;
}

tf::TensorPtr Checkpoint::Read(const std::string& key, const FlatWeight& weight) {
  const std::string where = "variable '" + weight.name + "' (key '" + key + "' of " + prefix_ + ")";
  const StoredTensor& stored = Find(key, where, weight.name);
  if (stored.dtype != weight.dtype || !weight.shape.Fits(stored.shape.dims)) {
    throw tf::Error(TF_DATA_LOSS,
                    where + " does not fit the graph: expected dtype " + std::to_string(weight.dtype) +
                        " and shape " + ToString(weight.shape) + ", found dtype " +
                        std::to_string(stored.dtype) + " and shape " + ToString(stored.shape),
                    weight.name);
  }
  const auto item = static_cast<int64_t>(C().TF_DataTypeSize(stored.dtype));
  if (item == 0) {
    throw tf::Error(TF_UNIMPLEMENTED,
                    where + " is of dtype " + std::to_string(stored.dtype) + ": only numbers are supported",
                    weight.name);
  }
  const int64_t size = Elements(stored.shape) * item;
  if (stored.size != size) {
    throw tf::Error(TF_DATA_LOSS,
                    where + " is damaged: expected " + std::to_string(size) + " bytes for shape " +
                        ToString(stored.shape) + ", found " + std::to_string(stored.size),
                    weight.name);
  }
  // Memory is allocated only now: the file contains all these bytes, so a false size cannot cause a large
  // allocation.
  tf::TensorPtr value;
  ReadBytes(stored, where, weight.name, [&] {
    try {
      value = tf::AllocateTensor(stored.dtype, stored.shape.dims);
    } catch (const tf::Error& error) {
      throw tf::Error(error.code(), where + ": " + error.what(), weight.name);
    }
    return static_cast<char*>(C().TF_TensorData(value.get()));
  });
  const auto* bytes = static_cast<const char*>(C().TF_TensorData(value.get()));
  if (MaskedCrc32c({bytes, static_cast<size_t>(size)}) != stored.crc32c) {
    throw tf::Error(TF_DATA_LOSS, where + " is damaged: its sum is not that of the checkpoint", weight.name);
  }
  return value;
}

// The bytes consist of the lengths as varints, the masked checksum of the lengths, and the strings. The
// checksum in the index is that of the lengths as uint32, the first checksum, and the strings. No string is
// longer than 4 GB here: the limit on a file's strings is lower.
std::vector<std::string> Checkpoint::ReadStrings(const std::string& key, const std::string& table) {
  const std::string where = "lookup table '" + table + "' (key '" + key + "' of " + prefix_ + ")";
  const StoredTensor& stored = Find(key, where, table);
  const auto damaged = [&](const std::string& reason) {
    return tf::Error(TF_DATA_LOSS, where + " is damaged: " + reason, table);
  };
  if (stored.dtype != TF_STRING || stored.shape.rank() != 1) throw damaged("it is no list of strings");
  const int64_t count = stored.shape.dims[0];
  // Each length has at least one byte.
  if (stored.size > bounds::kSideFileBytes || count > stored.size) {
    throw damaged(std::to_string(stored.size) + " bytes for " + std::to_string(count) + " strings");
  }
  std::string bytes;
  ReadBytes(stored, where, table, [&] {
    bytes.resize(static_cast<size_t>(stored.size));
    return bytes.data();
  });
  std::vector<uint64_t> lengths;
  std::string checked;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  try {
    for (int64_t i = 0; i < count; ++i) {
      lengths.push_back(protozero::decode_varint(&at, end));
      const auto length = static_cast<uint32_t>(lengths.back());
      checked.append(reinterpret_cast<const char*>(&length), sizeof length);
    }
  } catch (const protozero::exception&) {
    throw damaged("the lengths of its strings cannot be read");
  }
  if (end - at < kChecksumBytes) throw damaged("its strings are missing");
  checked.append(at, end);
  if (MaskedCrc32c(checked) != stored.crc32c) throw damaged("its sum is not that of the checkpoint");
  at += kChecksumBytes;
  std::vector<std::string> strings;
  for (const uint64_t length : lengths) {
    if (length > static_cast<uint64_t>(end - at)) throw damaged("its strings are longer than the bytes");
    strings.emplace_back(at, length);
    at += length;
  }
  return strings;
}

std::vector<std::string> Checkpoint::ObjectKeys() {
  constexpr const char* kObjectGraph = "_CHECKPOINTABLE_OBJECT_GRAPH";
  const CheckpointIndex& index = Index(kObjectGraph);
  const auto found = index.tensors.find(std::string_view(kObjectGraph));
  if (found == index.tensors.end() || found->second.dtype != TF_STRING || found->second.shape.rank() != 0)
    return {};
  std::string bytes;
  const std::string what = "the object graph of " + prefix_;
  ReadBytes(found->second, what, {}, [&] {
    bytes.resize(static_cast<size_t>(found->second.size));
    return bytes.data();
  });
  // The string consists of its length, the checksum of the length in four bytes, and the text.
  size_t start = 0;
  while (start < bytes.size() && (bytes[start] & 0x80) != 0) ++start;
  start += 1 + kChecksumBytes;
  if (start > bytes.size()) return {};
  return proto::ReadCheckpointKeys(std::string_view(bytes).substr(start), what);
}

}  // namespace ke::graph
