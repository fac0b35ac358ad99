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

}  // namespace
}  // namespace ke::graph
