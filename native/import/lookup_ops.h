#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "import/lookup_tables.h"
#include "ir/flat_graph.h"

namespace ke::graph {

// Adds an op to the flat graph and returns its first output.
using AddLookupOp = std::function<TensorId(std::string name, std::string op, std::vector<TensorId> inputs,
                                           std::vector<std::pair<std::string, std::string>> attrs)>;

// Constants in one graph that hold a table.
struct TableConstants {
  TF_DataType key_dtype = TF_INT64;
  TF_DataType value_dtype = TF_INT64;
  int64_t size = 0;
  int64_t buckets = 0;     // of the hashes of strings
  int64_t most_equal = 1;  // the maximum number of keys with the same hash
  TensorId keys;           // sorted: integers by value, strings by their hash
  TensorId searched;       // what the keys are sorted by, as one row
  TensorId values;         // in the order of the keys in the file
  TensorId order;          // of each sorted key, its place in the file
};

// The number of buckets of the hashes. Different strings seldom have the same hash.
inline constexpr int64_t kMostBuckets = std::numeric_limits<int64_t>::max();

// Adds the constants of `table`, whose names begin with `name`. Throws OUT_OF_RANGE if more than 16 keys have
// the same hash: each of them costs ops.
TableConstants AddTable(const AddLookupOp& add, const std::string& name, const LookupTable& table,
                        int64_t buckets = kMostBuckets);

// Adds ops that look up `x`, keys of any shape. The last op has the name `name`. The ops need no table at run
// time: they search the sorted keys, or the sorted hashes of the keys. A string is found only if it equals
// the key, whatever the hash. `missing` is the value of keys that the table lacks.
TensorId AddLookup(const AddLookupOp& add, const std::string& name, const TableConstants& table, TensorId x,
                   TensorId missing);

}  // namespace ke::graph
