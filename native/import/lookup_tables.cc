#include "import/lookup_tables.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "ir/op_traits.h"
#include "wire/bounds.h"
#include "wire/read_file.h"
#include "wire/text.h"
#include "wire/write_tensor.h"

namespace ke::graph {
namespace {

constexpr char kTable[] = "HashTableV2";
// A table whose content is part of the checkpoint.
constexpr char kMutableTable[] = "MutableHashTableV2";
constexpr char kTextFileInitializer[] = "InitializeTableFromTextFileV2";
// Attributes of a table in a text file: a column, or one of these.
constexpr int64_t kWholeLine = -2;
constexpr int64_t kLineNumber = -1;

bool IsInitializer(std::string_view op) {
  return op == "LookupTableImportV2" || op == "InitializeTableV2" || op == kTextFileInitializer;
}

[[noreturn]] void Refuse(const std::string& name, const std::string& reason) {
  throw tf::Error(
      TF_UNIMPLEMENTED,
      "the model's outputs need the lookup table '" + name + "', " + reason +
          ". Choose outputs that do not need the table (`outputs`), or export the model behind the "
          "lookup",
      name);
}

[[noreturn]] void Contradiction(const std::string& name, const std::string& reason) {
  throw tf::Error(TF_DATA_LOSS, "the lookup table '" + name + "' contradicts itself: " + reason, name);
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string_view BytesOf(const TF_Tensor* tensor) {
  return {static_cast<const char*>(tf::C().TF_TensorData(tensor)), tf::C().TF_TensorByteSize(tensor)};
}

template <typename Key>
bool Repeats(const std::vector<Key>& keys) {
  return std::set<Key>(keys.begin(), keys.end()).size() != keys.size();
}

void CheckKeys(const std::string& name, const LookupTable& table) {
  if (table.size() == 0) Contradiction(name, "it has no keys");
  if (Repeats(table.int_keys) || Repeats(table.string_keys)) Contradiction(name, "a key occurs twice");
}

}  // namespace

const LookupTable& LookupTables::Get(const Source& lookup) {
  if (tree_.Node(lookup).inputs.empty()) {
    const std::string name = tree_.FlatName(lookup.call, lookup.node);
    Contradiction(name, "the op names no table");
  }
  Source table = tree_.Input(lookup, 0);
  for (int hops = 0; hops < 16 && tree_.Node(table).op == "Identity" && !tree_.Node(table).inputs.empty();
       ++hops) {
    table = tree_.Input(table, 0);
  }
  const Place place{table.call, table.node};
  const auto known = tables_.find(place);
  if (known != tables_.end()) return known->second;
  const std::string name = tree_.FlatName(table.call, table.node);
  const std::string_view op = tree_.Node(table).op;
  const bool is_mutable = op == kMutableTable;
  if (op != kTable && !is_mutable) Refuse(name, "which is of the unsupported op " + std::string(op));
  if (!searched_) FindInitializers();
  const std::vector<Source>& initializers = initializers_[place];
  if (is_mutable && initializers.empty()) {
    mutable_.insert(place);
    return tables_.emplace(place, Restored(table)).first->second;
  }
  if (initializers.empty()) Refuse(name, "whose content the file does not hold");
  if (initializers.size() > 1) Refuse(name, "which several ops fill");
  return tables_.emplace(place, Read(table, initializers[0])).first->second;
}

void LookupTables::FindInitializers() {
  searched_ = true;
  // A call of an initializer at the top level passes tables and constants. Calls that serve, save or restore
  // the model have a placeholder among their inputs.
  const auto initializes = [&](const proto::NodeDef& def) {
    bool has_table = false;
    for (const std::string_view input : def.inputs) {
      const std::string_view op = tree_.Node(tree_.Resolve(0, input)).op;
      if (op == "Placeholder" && assets_.count(std::string(input.substr(0, input.find(':')))) == 0)
        return false;
      has_table = has_table || op == kTable;
    }
    return has_table;
  };
  std::vector<int> calls = {0};
  for (size_t c = 0; c < calls.size(); ++c) {
    const int call = calls[c];
    for (size_t i = 0; i < tree_.Nodes(call).size(); ++i) {
      const int node = static_cast<int>(i);
      const proto::NodeDef& def = tree_.Nodes(call)[i];
      if (tree_.IsCall(call, node)) {
        if (call != 0 || initializes(def)) calls.push_back(tree_.Expand(call, node));
      } else if (call == 0 && def.op == "AssignVariableOp" && def.inputs.size() == 2) {
        const Source variable = tree_.Input({call, node, 0}, 0);
        assigned_[{variable.call, variable.node}] = tree_.Input({call, node, 0}, 1);
      } else if (IsInitializer(def.op) && !def.inputs.empty()) {
        const Source table = tree_.Input({call, node, 0}, 0);
        initializers_[{table.call, table.node}].push_back({call, node, 0});
      }
    }
  }
}

// Returns the node that holds the path of an asset. TensorFlow 2 keeps the path in a variable, which is
// assigned at the top level before the table is filled.
Source LookupTables::AssetOf(Source path) {
  for (int hops = 0; hops < 16 && !tree_.Node(path).inputs.empty(); ++hops) {
    const std::string_view op = tree_.Node(path).op;
    if (op != "Identity" && op != "ReadVariableOp") break;
    path = tree_.Input(path, 0);
    const auto value = assigned_.find({path.call, path.node});
    if (value != assigned_.end()) path = value->second;
  }
  return path;
}

LookupTable LookupTables::Declared(const Source& at) const {
  const std::string name = tree_.FlatName(at.call, at.node);
  LookupTable table;
  const auto dtype = [&](const char* attr) {
    return proto::AttrType(tree_.Attr(at.call, at.node, attr)).value_or(TF_RESOURCE);
  };
  table.key_dtype = dtype("key_dtype");
  table.value_dtype = dtype("value_dtype");
  if (table.key_dtype != TF_INT64 && table.key_dtype != TF_INT32 && table.key_dtype != TF_STRING)
    Refuse(name, "whose keys are neither integers nor strings");
  return table;
}

LookupTable LookupTables::Read(const Source& at, const Source& initializer) {
  const std::string name = tree_.FlatName(at.call, at.node);
  LookupTable table = Declared(at);
  if (tree_.Node(initializer).op == kTextFileInitializer) {
    ReadTextFile(initializer, &table);
  } else {
    ReadConstants(initializer, &table);
  }
  CheckKeys(name, table);
  return table;
}

LookupTable LookupTables::Restored(const Source& at) {
  const std::string name = tree_.FlatName(at.call, at.node);
  LookupTable table = Declared(at);
  if (restored_ == nullptr) Refuse(name, "whose content the file does not hold");
  if (!restored_tables_) {
    // The calls that restore the model are no part of the tree of the calls that a run makes.
    CallTree tree(restored_->meta.graph, restored_->ops);
    restored_tables_ = FindRestoredKeys(&tree, restored_->meta.restore_op_name).tables;
  }
  const auto keys = restored_tables_->find({at.call, at.node});
  if (at.call != 0 || keys == restored_tables_->end()) {
    Refuse(name, "whose content is neither an initializer nor part of the checkpoint");
  }
  const auto numbers = [&](const std::string& key, TF_DataType dtype) {
    FlatWeight content;
    content.name = name;
    content.dtype = dtype;
    content.shape = Shape::Of({-1});
    return restored_->checkpoint->Read(key, content);
  };
  if (table.key_dtype == TF_STRING) {
    table.string_keys = restored_->checkpoint->ReadStrings(keys->second.keys, name);
  } else {
    const tf::TensorPtr tensor = numbers(keys->second.keys, table.key_dtype);
    const auto count = static_cast<size_t>(tf::Dims(tensor.get())[0]);
    const void* const data = tf::C().TF_TensorData(tensor.get());
    if (table.key_dtype == TF_INT32) {
      table.int_keys.assign(static_cast<const int32_t*>(data), static_cast<const int32_t*>(data) + count);
    } else {
      table.int_keys.assign(static_cast<const int64_t*>(data), static_cast<const int64_t*>(data) + count);
    }
  }
  int64_t values = 0;
  if (table.value_dtype == TF_STRING) {
    const std::vector<std::string> strings = restored_->checkpoint->ReadStrings(keys->second.values, name);
    values = std::ssize(strings);
    table.values = StringTensorAttr({values}, strings);
  } else {
    const tf::TensorPtr tensor = numbers(keys->second.values, table.value_dtype);
    values = tf::Dims(tensor.get())[0];
    table.values = BytesTensorAttr(table.value_dtype, {values}, BytesOf(tensor.get()));
  }
  if (values != table.size()) Contradiction(name, "the checkpoint does not have one value per key");
  CheckKeys(name, table);
  return table;
}

void LookupTables::RefuseChangedTables() {
  if (mutable_.empty()) return;
  for (int call = 1; call < tree_.size(); ++call) {
    for (size_t i = 0; i < tree_.Nodes(call).size(); ++i) {
      const proto::NodeDef& def = tree_.Nodes(call)[i];
      if (!def.op.starts_with("LookupTable") || ReadsLookupTable(def.op) || def.inputs.empty()) continue;
      const Source table = tree_.Input({call, static_cast<int>(i), 0}, 0);
      if (mutable_.count({table.call, table.node}) == 0) continue;
      Refuse(tree_.FlatName(table.call, table.node), "which op " + std::string(def.op) + " ('" +
                                                         tree_.FlatName(call, static_cast<int>(i)) +
                                                         "') may change when the model runs");
    }
  }
}

void LookupTables::ReadConstants(const Source& initializer, LookupTable* table) {
  const std::string name = tree_.FlatName(initializer.call, initializer.node);
  if (tree_.Node(initializer).inputs.size() != 3) Contradiction(name, "expected a table, keys and values");
  const auto constant = [&](size_t input) {
    const Source source = tree_.Input(initializer, input);
    const proto::Bytes attr = tree_.Attr(source.call, source.node, "value");
    const auto value = proto::AttrTensor(attr);
    if (tree_.Node(source).op != "Const" || !value)
      Refuse(name, "whose content the file does not hold as constants");
    return std::pair(attr, *value);
  };
  const proto::Bytes keys = constant(1).second;
  if (proto::TensorType(keys) != table->key_dtype)
    Contradiction(name, "the keys have another dtype than the table");
  if (table->key_dtype == TF_STRING) {
    for (const std::string_view key : proto::TensorStrings(keys)) table->string_keys.emplace_back(key);
  } else {
    table->int_keys = proto::TensorInts(keys);
  }
  const auto [attr, values] = constant(2);
  if (proto::TensorType(values) != table->value_dtype)
    Contradiction(name, "the values have another dtype than the table");
  // Each key has one value: TensorFlow's shape inference checks neither.
  const Shape size = Shape::Of({table->size()});
  if (!(proto::TensorShape(keys) == size) || !(proto::TensorShape(values) == size)) {
    Refuse(name, "which does not have one value per key");
  }
  table->values = attr;
}

void LookupTables::ReadTextFile(const Source& initializer, LookupTable* table) {
  const std::string name = tree_.FlatName(initializer.call, initializer.node);
  if (tree_.Node(initializer).inputs.size() != 2) Contradiction(name, "expected a table and a file");
  const Source file = AssetOf(tree_.Input(initializer, 1));
  const auto asset = assets_.find(file.call == 0 ? std::string(tree_.Node(file).name) : std::string());
  if (asset == assets_.end()) Refuse(name, "whose content is a file that is no asset of the model");
  const auto number = [&](const char* attr, int64_t standard) {
    return proto::AttrInt(tree_.Attr(initializer.call, initializer.node, attr)).value_or(standard);
  };
  const std::string text = ReadFile(asset->second, "the model's vocabulary", bounds::kSideFileBytes);
  std::vector<std::string_view> lines = Lines(text);
  const int64_t skipped = number("offset", 0);
  if (skipped > 0) lines.erase(lines.begin(), lines.begin() + std::min<int64_t>(skipped, std::ssize(lines)));
  const int64_t most = number("vocab_size", -1);
  if (most >= 0 && most < std::ssize(lines)) lines.resize(most);
  const auto delimiter =
      proto::AttrString(tree_.Attr(initializer.call, initializer.node, "delimiter")).value_or("\t");
  const auto field = [&](std::string_view line, int64_t index) {
    for (; index > 0; --index) {
      const size_t end = line.find(delimiter);
      if (end == std::string_view::npos || delimiter.empty())
        Contradiction(name, "a line of the file has too few columns");
      line.remove_prefix(end + delimiter.size());
    }
    return line.substr(0, delimiter.empty() ? std::string_view::npos : line.find(delimiter));
  };
  const auto column = [&](int64_t index, TF_DataType dtype, std::vector<int64_t>* ints,
                          std::vector<std::string>* strings) {
    if (dtype != TF_STRING && dtype != TF_INT64 && dtype != TF_INT32)
      Refuse(name, "whose file holds neither strings nor integers");
    for (size_t i = 0; i < lines.size(); ++i) {
      if (index == kLineNumber) {
        if (dtype == TF_STRING) Contradiction(name, "line numbers are no strings");
        ints->push_back(static_cast<int64_t>(i));
        continue;
      }
      const std::string_view value = index == kWholeLine ? lines[i] : field(lines[i], index);
      if (dtype == TF_STRING) {
        strings->emplace_back(value);
        continue;
      }
      int64_t parsed = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
      if (error != std::errc() || end != value.data() + value.size()) {
        Contradiction(name, "line " + std::to_string(i + 1) + " of the file has no integer");
      }
      ints->push_back(parsed);
    }
  };
  column(number("key_index", kWholeLine), table->key_dtype, &table->int_keys, &table->string_keys);
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  column(number("value_index", kLineNumber), table->value_dtype, &ints, &strings);
  table->values = table->value_dtype == TF_STRING
                      ? StringTensorAttr({std::ssize(strings)}, strings)
                      : IntTensorAttr(table->value_dtype, {std::ssize(ints)}, ints);
}

}  // namespace ke::graph
