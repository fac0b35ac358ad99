#include "import/lookup_ops.h"

#include <algorithm>
#include <numeric>

#include "import/hash_strings.h"
#include "wire/write_tensor.h"

namespace ke::graph {
namespace {

using Attrs = std::vector<std::pair<std::string, std::string>>;

constexpr int64_t kMostEqualHashes = 16;

// Adds ops whose names begin with one name.
class NamedOps {
 public:
  NamedOps(const AddLookupOp& add, const std::string& name) : add_(add), name_(name) {}

  TensorId Op(const std::string& suffix, const char* type, std::vector<TensorId> inputs, Attrs attrs) const {
    return add_(name_ + "/" + suffix, type, std::move(inputs), std::move(attrs));
  }
  TensorId Const(const std::string& suffix, TF_DataType dtype, std::string value) const {
    return Op(suffix, "Const", {}, {{"dtype", TypeAttr(dtype)}, {"value", std::move(value)}});
  }
  TensorId Ints(const std::string& suffix, TF_DataType dtype, const std::vector<int64_t>& dims,
                const std::vector<int64_t>& data) const {
    return Const(suffix, dtype, IntTensorAttr(dtype, dims, data));
  }

 private:
  const AddLookupOp& add_;
  const std::string& name_;
};

template <typename T>
std::vector<T> InOrder(const std::vector<T>& items, const std::vector<int64_t>& order) {
  std::vector<T> sorted;
  sorted.reserve(items.size());
  for (const int64_t i : order) sorted.push_back(items[i]);
  return sorted;
}

// Returns the length of the longest run of equal values.
int64_t LongestRun(const std::vector<int64_t>& sorted) {
  int64_t longest = 0;
  int64_t run = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    run = i > 0 && sorted[i] == sorted[i - 1] ? run + 1 : 1;
    longest = std::max(longest, run);
  }
  return longest;
}

}  // namespace

TableConstants AddTable(const AddLookupOp& add, const std::string& name, const LookupTable& table,
                        int64_t buckets) {
  const NamedOps ops(add, name);
  const int64_t size = table.size();
  const bool strings = table.key_dtype == TF_STRING;
  const std::vector<int64_t> ranks = strings ? HashStrings(table.string_keys, buckets) : table.int_keys;
  std::vector<int64_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return ranks[a] < ranks[b]; });
  const std::vector<int64_t> sorted = InOrder(ranks, order);

  TableConstants made;
  made.key_dtype = table.key_dtype;
  made.value_dtype = table.value_dtype;
  made.size = size;
  made.buckets = buckets;
  made.most_equal = LongestRun(sorted);
  if (made.most_equal > kMostEqualHashes) {
    throw tf::Error(TF_OUT_OF_RANGE,
                    "the lookup table of '" + name + "' has " + std::to_string(made.most_equal) +
                        " keys with the same hash, more than the " + std::to_string(kMostEqualHashes) +
                        " that are supported",
                    name);
  }
  const TF_DataType searched = strings ? TF_INT64 : table.key_dtype;
  made.searched = ops.Ints("sorted", searched, {1, size}, sorted);
  made.keys = strings
                  ? ops.Const("keys", TF_STRING, StringTensorAttr({size}, InOrder(table.string_keys, order)))
                  : ops.Ints("keys", table.key_dtype, {size}, sorted);
  made.values = ops.Const("values", table.value_dtype, table.values);
  made.order = ops.Ints("order", TF_INT32, {size}, order);
  return made;
}

TensorId AddLookup(const AddLookupOp& add, const std::string& name, const TableConstants& table, TensorId x,
                   TensorId missing) {
  const NamedOps ops(add, name);
  const std::string key_type = TypeAttr(table.key_dtype);
  const std::string value_type = TypeAttr(table.value_dtype);
  const std::string int32 = TypeAttr(TF_INT32);
  const TensorId axis = ops.Ints("axis", TF_INT32, {}, {0});
  const TensorId last = ops.Ints("last", TF_INT32, {}, {table.size - 1});
  const auto gather = [&](const std::string& suffix, TensorId from, const std::string& type,
                          TensorId indices) {
    return ops.Op(suffix, "GatherV2", {from, indices, axis},
                  {{"Tparams", type}, {"Tindices", int32}, {"Taxis", int32}});
  };

  const TensorId shape = ops.Op("shape", "Shape", {x}, {{"T", key_type}, {"out_type", int32}});
  // LowerBound takes rows of sorted values and rows of values to search for.
  const TensorId row = ops.Ints("row", TF_INT32, {2}, {1, -1});
  const TensorId flat = ops.Op("flat", "Reshape", {x, row}, {{"T", key_type}, {"Tshape", int32}});
  TensorId searched = flat;
  std::string searched_type = key_type;
  if (table.key_dtype == TF_STRING) {
    searched = ops.Op("hash", "StringToHashBucketFast", {flat}, {{"num_buckets", IntAttr(table.buckets)}});
    searched_type = TypeAttr(TF_INT64);
  }
  const TensorId bound =
      ops.Op("bound", "LowerBound", {table.searched, searched}, {{"T", searched_type}, {"out_type", int32}});
  TensorId chosen = missing;
  for (int64_t i = 0; i < table.most_equal; ++i) {
    const std::string number = i == 0 ? "" : "_" + std::to_string(i);
    TensorId place = bound;
    if (i > 0) {
      const TensorId step = ops.Ints("step" + number, TF_INT32, {}, {i});
      place = ops.Op("next" + number, "AddV2", {bound, step}, {{"T", int32}});
    }
    place = ops.Op("place" + number, "Minimum", {place, last}, {{"T", int32}});
    const TensorId key = gather("key" + number, table.keys, key_type, place);
    const TensorId found = ops.Op("found" + number, "Equal", {key, flat}, {{"T", key_type}});
    const TensorId index = gather("index" + number, table.order, int32, place);
    const TensorId value = gather("value" + number, table.values, value_type, index);
    chosen = ops.Op("chosen" + number, "SelectV2", {found, value, chosen}, {{"T", value_type}});
  }
  return add(name, "Reshape", {chosen, shape}, {{"T", value_type}, {"Tshape", int32}});
}

}  // namespace ke::graph
