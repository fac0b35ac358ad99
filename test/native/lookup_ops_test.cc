#include "import/lookup_ops.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "import/hash_strings.h"
#include "ir/flat_graph_builder.h"
#include "tensorflow/error.h"
#include "tensorflow/import_graph.h"
#include "wire/write_tensor.h"

namespace ke::graph {
namespace {

using tf::C;

constexpr int64_t kMissing = -1;

LookupTable StringTable(const std::vector<std::string>& keys, const std::vector<int64_t>& values) {
  LookupTable table;
  table.key_dtype = TF_STRING;
  table.string_keys = keys;
  table.values = IntTensorAttr(TF_INT64, {std::ssize(values)}, values);
  return table;
}

// Looks up constants, so that TensorFlow computes the values without a session.
std::vector<int64_t> Find(const LookupTable& table, std::string x, int64_t count, int64_t buckets) {
  FlatGraphBuilder builder;
  const AddLookupOp add = [&](std::string name, std::string op, std::vector<TensorId> inputs,
                              std::vector<std::pair<std::string, std::string>> attrs) {
    return builder.AddOp(std::move(name), std::move(op), std::move(inputs), std::move(attrs));
  };
  const auto constant = [&](const char* name, TF_DataType dtype, std::string value) {
    return add(name, "Const", {}, {{"dtype", TypeAttr(dtype)}, {"value", std::move(value)}});
  };
  const TensorId keys = constant("x", table.key_dtype, std::move(x));
  const TensorId missing = constant("missing", TF_INT64, IntTensorAttr(TF_INT64, {}, {kMissing}));
  AddLookup(add, "lookup", AddTable(add, "lookup", table, buckets), keys, missing);
  std::string graph_def;
  for (const FlatNode& node : builder.graph().nodes) AppendNode(builder.graph(), node, &graph_def);
  const tf::GraphPtr graph = tf::GraphOf(graph_def);
  tf::Status status;
  TF_Tensor* value = nullptr;
  C().TF_TryEvaluateConstant(graph.get(), {C().TF_GraphOperationByName(graph.get(), "lookup"), 0}, &value,
                             status);
  const tf::TensorPtr owned(value);
  status.Check("lookup");
  EXPECT_EQ(C().TF_TensorElementCount(value), count);
  const auto* data = static_cast<const int64_t*>(C().TF_TensorData(value));
  return {data, data + count};
}

std::vector<int64_t> Find(const LookupTable& table, const std::vector<std::string>& x,
                          int64_t buckets = kMostBuckets) {
  return Find(table, StringTensorAttr({std::ssize(x)}, x), std::ssize(x), buckets);
}

TEST(LookupOps, FindStringsExactly) {
  const std::string with_zero("a\0b", 3);
  const LookupTable table =
      StringTable({"cat", "", "caT", with_zero, std::string(1000, 'x')}, {7, 6, 5, 4, 3});
  EXPECT_EQ(
      Find(table, {std::string(1000, 'x'), "ca", "cat", "a", "", with_zero, "caT", std::string(999, 'x')}),
      (std::vector<int64_t>{3, kMissing, 7, kMissing, 6, 4, 5, kMissing}));
  EXPECT_EQ(Find(table, std::vector<std::string>()), std::vector<int64_t>());
}

TEST(LookupOps, TellApartStringsWithEqualHashes) {
  const std::vector<std::string> keys = {"a", "b", "c", "d", "e", "f", "g"};
  const LookupTable table = StringTable(keys, {0, 1, 2, 3, 4, 5, 6});
  for (const int64_t buckets : {1, 2, 3}) {
    EXPECT_EQ(Find(table, {"g", "x", "a", "f", "b", "", "e", "c", "d"}, buckets),
              (std::vector<int64_t>{6, kMissing, 0, 5, 1, kMissing, 4, 2, 3}));
  }
}

TEST(LookupOps, FindRandomStringsAmongMany) {
  std::mt19937 random(1);
  const auto text = [&] {
    std::string letters(random() % 5, 'a');
    for (char& letter : letters) letter = static_cast<char>('a' + random() % 6);
    return letters;
  };
  std::map<std::string, int64_t> expected;
  for (int64_t i = 0; i < 400; ++i) expected.emplace(text(), i);
  std::vector<std::string> keys;
  std::vector<int64_t> values;
  for (const auto& [key, value] : expected) {
    keys.push_back(key);
    values.push_back(value);
  }
  const LookupTable table = StringTable(keys, values);
  std::vector<std::string> asked;
  std::vector<int64_t> found;
  for (int i = 0; i < 1000; ++i) {
    asked.push_back(text());
    const auto known = expected.find(asked.back());
    found.push_back(known == expected.end() ? kMissing : known->second);
  }
  EXPECT_EQ(Find(table, asked), found);
  EXPECT_EQ(Find(table, asked, 200), found);  // hashes of several keys are equal
}

TEST(LookupOps, RefuseTooManyEqualHashes) {
  std::vector<std::string> keys;
  std::vector<int64_t> values;
  for (int64_t i = 0; i < 17; ++i) {
    keys.push_back(std::to_string(i));
    values.push_back(i);
  }
  try {
    Find(StringTable(keys, values), {"1"}, 1);
    FAIL() << "17 keys with one hash are taken";
  } catch (const tf::Error& error) {
    EXPECT_EQ(error.code(), TF_OUT_OF_RANGE) << error.what();
  }
}

TEST(LookupOps, FindIntegers) {
  LookupTable table;
  table.key_dtype = TF_INT32;
  table.int_keys = {20, -10, 7};
  table.values = IntTensorAttr(TF_INT64, {3}, {1, 2, 3});
  EXPECT_EQ(Find(table, IntTensorAttr(TF_INT32, {2, 2}, {7, 8, -10, 20}), 4, kMostBuckets),
            (std::vector<int64_t>{3, kMissing, 2, 1}));
}

TEST(HashStrings, HashesManyStrings) {
  std::vector<std::string> strings;
  for (int i = 0; i < 200'000; ++i) strings.push_back("word " + std::to_string(i));
  const std::vector<int64_t> hashes = HashStrings(strings, kMostBuckets);
  ASSERT_EQ(hashes.size(), strings.size());
  EXPECT_EQ(HashStrings({strings[777]}, kMostBuckets), (std::vector<int64_t>{hashes[777]}));
}

}  // namespace
}  // namespace ke::graph
