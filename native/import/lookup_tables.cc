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

template <typename Key>
bool Repeats(const std::vector<Key>& keys) {
  return std::set<Key>(keys.begin(), keys.end()).size() != keys.size();
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
  if (op != kTable) Refuse(name, "which is of op " + std::string(op) + " and may change");
  if (!searched_) FindInitializers();
  const std::vector<Source>& initializers = initializers_[place];
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

LookupTable LookupTables::Read(const Source& at, const Source& initializer) {
  const std::string name = tree_.FlatName(at.call, at.node);
  LookupTable table;
  const auto dtype = [&](const char* attr) {
    return proto::AttrType(tree_.Attr(at.call, at.node, attr)).value_or(TF_RESOURCE);
  };
  table.key_dtype = dtype("key_dtype");
  table.value_dtype = dtype("value_dtype");
  if (table.key_dtype != TF_INT64 && table.key_dtype != TF_INT32 && table.key_dtype != TF_STRING)
    Refuse(name, "whose keys are neither integers nor strings");
  if (tree_.Node(initializer).op == kTextFileInitializer) {
    ReadTextFile(initializer, &table);
  } else {
    ReadConstants(initializer, &table);
  }
  if (table.size() == 0) Contradiction(name, "it has no keys");
  if (Repeats(table.int_keys) || Repeats(table.string_keys)) Contradiction(name, "a key occurs twice");
  return table;
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
