// The content of lookup tables that a model only reads: a HashTableV2 that one op of the file fills, from
// constants or from a text file in the model's folder.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "import/checkpoint.h"
#include "ir/call_tree.h"

namespace ke::graph {

// A table with integers or strings as keys, at least one. Each key occurs once.
struct LookupTable {
  TF_DataType key_dtype = TF_INT64;  // int32, int64 or string
  TF_DataType value_dtype = TF_INT64;
  std::vector<int64_t> int_keys;
  std::vector<std::string> string_keys;
  std::string values;  // the serialised AttrValue of a Const with one value per key

  int64_t size() const { return key_dtype == TF_STRING ? std::ssize(string_keys) : std::ssize(int_keys); }
};

// What a SavedModel restores from its checkpoint.
struct RestoredState {
  const proto::MetaGraphDef& meta;
  OpRegistry* ops;
  Checkpoint* checkpoint;
};

class LookupTables {
 public:
  // `assets`: the paths of text files, by the name of the top-level node that holds a path. `restored`: null
  // if the file has no checkpoint.
  LookupTables(CallTree* tree, std::map<std::string, std::string> assets,
               const RestoredState* restored = nullptr)
      : tree_(*tree), assets_(std::move(assets)), restored_(restored) {}

  // Returns the table that the op at `lookup` reads. Throws UNIMPLEMENTED if the content is not in the file,
  // and DATA_LOSS if the content contradicts itself.
  const LookupTable& Get(const Source& lookup);
  // Throws UNIMPLEMENTED if a call in the tree changes a table that Get has returned.
  void RefuseChangedTables();

 private:
  using Place = std::pair<int, int>;  // call, node
  void FindInitializers();
  Source AssetOf(Source path);
  // Returns the table at `at` without content.
  LookupTable Declared(const Source& at) const;
  LookupTable Read(const Source& table, const Source& initializer);
  LookupTable Restored(const Source& table);
  void ReadConstants(const Source& initializer, LookupTable* table);
  void ReadTextFile(const Source& initializer, LookupTable* table);

  CallTree& tree_;
  std::map<std::string, std::string> assets_;
  const RestoredState* restored_;
  std::optional<std::map<Place, RestoredTable>> restored_tables_;  // of the top level
  std::set<Place> mutable_;                                        // tables of `tables_` that ops can change
  bool searched_ = false;
  std::map<Place, std::vector<Source>> initializers_;  // by table
  std::map<Place, Source> assigned_;                   // the value that the top level assigns to a variable
  std::map<Place, LookupTable> tables_;
};

// Returns whether the op reads a lookup table, which is its first input.
inline bool ReadsLookupTable(std::string_view op) {
  return op == "LookupTableFindV2" || op == "LookupTableSizeV2";
}

}  // namespace ke::graph
