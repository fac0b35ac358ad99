#include "import/lookup_ops.h"

#include <algorithm>
#include <numeric>

#include "wire/write_tensor.h"

namespace ke::graph {

TensorId AddLookup(const AddLookupOp& add, const std::string& name, const LookupTable& table, TensorId x,
                   TensorId missing, TensorId values) {
  using Attrs = std::vector<std::pair<std::string, std::string>>;
  const std::string key_type = TypeAttr(table.key_dtype);
  const std::string value_type = TypeAttr(table.value_dtype);
  const std::string int32 = TypeAttr(TF_INT32);
  const auto op = [&](const char* suffix, const char* type, std::vector<TensorId> inputs, Attrs attrs) {
    return add(name + "/" + suffix, type, std::move(inputs), std::move(attrs));
  };
  const auto ints = [&](const char* suffix, TF_DataType dtype, const std::vector<int64_t>& dims,
                        const std::vector<int64_t>& data) {
    return op(suffix, "Const", {}, {{"dtype", TypeAttr(dtype)}, {"value", IntTensorAttr(dtype, dims, data)}});
  };
  const auto gather = [&](const char* suffix, TensorId from, const std::string& type, TensorId indices,
                          TensorId axis) {
    return op(suffix, "GatherV2", {from, indices, axis},
              {{"Tparams", type}, {"Tindices", int32}, {"Taxis", int32}});
  };

  const TensorId shape = op("shape", "Shape", {x}, {{"T", key_type}, {"out_type", int32}});
  const int64_t count = std::ssize(table.keys);
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return table.keys[a] < table.keys[b]; });
  std::vector<int64_t> sorted;
  for (const int64_t i : order) sorted.push_back(table.keys[i]);

  if (!table.values) {
    values = table.value_dtype == TF_STRING
                 ? op("values", "Const", {},
                      {{"dtype", value_type}, {"value", StringTensorAttr({count}, table.string_values)}})
                 : ints("values", table.value_dtype, {count}, table.int_values);
  }
  // LowerBound takes rows of sorted values and rows of values to search for.
  const TensorId row = ints("row", TF_INT32, {2}, {1, -1});
  const TensorId axis = ints("axis", TF_INT32, {}, {0});
  const TensorId keys = ints("keys", table.key_dtype, {count}, sorted);
  const Attrs reshapes = {{"T", key_type}, {"Tshape", int32}};
  const TensorId flat = op("flat", "Reshape", {x, row}, reshapes);
  const TensorId bound = op("bound", "LowerBound", {op("keys_row", "Reshape", {keys, row}, reshapes), flat},
                            {{"T", key_type}, {"out_type", int32}});
  const TensorId place =
      op("place", "Minimum", {bound, ints("last", TF_INT32, {}, {count - 1})}, {{"T", int32}});
  const TensorId found =
      op("found", "Equal", {gather("key", keys, key_type, place, axis), flat}, {{"T", key_type}});
  const TensorId index = gather("index", ints("order", TF_INT32, {count}, order), int32, place, axis);
  const TensorId value = gather("value", values, value_type, index, axis);
  const TensorId chosen = op("chosen", "SelectV2", {found, value, missing}, {{"T", value_type}});
  return add(name, "Reshape", {chosen, shape}, {{"T", value_type}, {"Tshape", int32}});
}

}  // namespace ke::graph
