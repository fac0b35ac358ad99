// Tests of readers of damaged and crafted protocol buffers.
#include <gtest/gtest.h>

#include <string>

#include "ir/flat_graph.h"
#include "tensorflow/protozero.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

using protozero::pbf_writer;

// TensorFlow uses the last of several attributes of a name. A check of the first attribute would not limit
// the attribute that is used.
TEST(Proto, UsesTheLastOfSeveralAttributes) {
  std::string bytes;
  {
    pbf_writer graph(bytes);
    pbf_writer node(graph, 1);
    node.add_string(1, "x");
    node.add_string(2, "Placeholder");
    for (const TF_DataType dtype : {TF_FLOAT, TF_DOUBLE}) {
      pbf_writer entry(node, 5);
      entry.add_string(1, "dtype");
      entry.add_message(2, TypeAttr(dtype));
    }
  }
  const proto::GraphDef graph = proto::ReadGraph(bytes, "the graph");
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(proto::AttrType(graph.nodes[0].Attr("dtype")), TF_DOUBLE);
  EXPECT_TRUE(graph.nodes[0].Attr("shape").empty());

  FlatNode flat;
  flat.attrs = {{"dtype", TypeAttr(TF_FLOAT)}, {"dtype", TypeAttr(TF_DOUBLE)}};
  EXPECT_EQ(proto::AttrType(flat.Attr("dtype")), TF_DOUBLE);
}

// An unknown dtype, for example of a later TensorFlow, is kept: TensorFlow refuses the dtypes that it does
// not know.
TEST(Proto, KeepsUnknownDtypes) {
  EXPECT_EQ(proto::AttrType(TypeAttr(static_cast<TF_DataType>(57))), static_cast<TF_DataType>(57));
}

// TensorProtos with one field of values, each written by `write(pbf_writer*)`.
template <typename Write>
std::string Tensor(TF_DataType dtype, Write write) {
  std::string bytes;
  pbf_writer tensor(bytes);
  tensor.add_enum(1, dtype);
  {
    pbf_writer shape(tensor, 2);
    pbf_writer dim(shape, 2);
    dim.add_int64(1, 4);
  }
  write(&tensor);
  return bytes;
}

// A writer may pack the values of a repeated field or not. Readers accept both, in the stored order.
TEST(Proto, ReadsAllValuesOfRepeatedFields) {
  const float floats[] = {2, 3};
  const std::string mixed = Tensor(TF_FLOAT, [&](pbf_writer* tensor) {
    tensor->add_float(5, 1);
    tensor->add_packed_float(5, floats, floats + 2);
    tensor->add_float(5, 4);
  });
  EXPECT_EQ(proto::TensorFloats(mixed, 4), (std::vector<float>{1, 2, 3, 4}));
  const int64_t ints[] = {-2, 3};
  const std::string axes = Tensor(TF_INT64, [&](pbf_writer* tensor) {
    tensor->add_int64(10, 1);
    tensor->add_packed_int64(10, ints, ints + 2);
    tensor->add_int64(10, 4);
  });
  EXPECT_EQ(proto::TensorInts(axes), (std::vector<int64_t>{1, -2, 3, 4}));
  std::string types;
  {
    pbf_writer attr(types);
    pbf_writer list(attr, 1);
    list.add_enum(6, TF_FLOAT);
    const int32_t packed[] = {TF_FLOAT, TF_INT32};
    list.add_packed_int32(6, packed, packed + 2);
  }
  EXPECT_EQ(proto::AttrTypeListSize(types), 3U);
}

// If there are values as bytes, only the bytes count, as in TensorFlow, and only the last of several fields.
TEST(Proto, PrefersTheBytesOfATensorToItsFields) {
  const float first[] = {9, 9, 9, 9};
  const float last[] = {1, 2, 3, 4};
  const auto bytes = [](const float* values) {
    return std::string(reinterpret_cast<const char*>(values), 16);
  };
  const std::string tensor = Tensor(TF_FLOAT, [&](pbf_writer* to) {
    to->add_bytes(4, bytes(first));
    to->add_packed_float(5, first, first + 4);
    to->add_bytes(4, bytes(last));
  });
  EXPECT_EQ(proto::TensorFloats(tensor, 4), (std::vector<float>{1, 2, 3, 4}));
}

TEST(Proto, RequiresAllZerosOfAZeroTensor) {
  const auto is_zero = [](TF_DataType dtype, auto write) {
    return proto::TensorIsZero(Tensor(dtype, write));
  };
  EXPECT_TRUE(is_zero(TF_FLOAT, [](pbf_writer*) {}));
  // Unpacked values of every field: the first value alone does not determine the result.
  EXPECT_FALSE(is_zero(TF_FLOAT, [](pbf_writer* t) { t->add_float(5, 1), t->add_float(5, 0); }));
  EXPECT_FALSE(is_zero(TF_DOUBLE, [](pbf_writer* t) { t->add_double(6, 1), t->add_double(6, 0); }));
  EXPECT_FALSE(is_zero(TF_INT32, [](pbf_writer* t) { t->add_int32(7, 1), t->add_int32(7, 0); }));
  EXPECT_FALSE(is_zero(TF_INT64, [](pbf_writer* t) { t->add_int64(10, 1), t->add_int64(10, 0); }));
  EXPECT_FALSE(is_zero(TF_BOOL, [](pbf_writer* t) { t->add_bool(11, true), t->add_bool(11, false); }));
  EXPECT_FALSE(is_zero(TF_UINT32, [](pbf_writer* t) { t->add_uint32(16, 1), t->add_uint32(16, 0); }));
  EXPECT_FALSE(is_zero(TF_UINT64, [](pbf_writer* t) { t->add_uint64(17, 1), t->add_uint64(17, 0); }));
  for (const TF_DataType dtype : {TF_HALF, TF_BFLOAT16}) {
    EXPECT_FALSE(is_zero(dtype, [](pbf_writer* t) { t->add_int32(13, 1), t->add_int32(13, 0); }));
    EXPECT_TRUE(is_zero(dtype, [](pbf_writer* t) { t->add_int32(13, 0x8000), t->add_int32(13, 0); }));
  }
  const float negative[] = {-0.0F, 0};
  EXPECT_TRUE(is_zero(TF_FLOAT, [&](pbf_writer* t) { t->add_packed_float(5, negative, negative + 2); }));
  EXPECT_TRUE(is_zero(TF_FLOAT, [](pbf_writer* t) { t->add_bytes(4, std::string("\0\0\0\x80", 4)); }));
  EXPECT_FALSE(is_zero(TF_FLOAT, [](pbf_writer* t) { t->add_bytes(4, std::string("\0\0\x80\x3f", 4)); }));
  EXPECT_FALSE(is_zero(TF_STRING, [](pbf_writer*) {}));
}

}  // namespace
}  // namespace ke::graph
