// The list of ops that a model may hold, against the TensorFlow that is loaded.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "crafted_graph.h"
#include "ir/op_registry.h"
#include "tensorflow/protozero.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

using tf::C;

// Every op of the library that users may name, and whether resources or references go in or out.
struct Known {
  std::string bytes;
  std::map<std::string, proto::OpDef, std::less<>> ops;
  std::set<std::string, std::less<>> shares;
};

bool Shares(std::string_view argument) {
  protozero::pbf_reader reader(argument.data(), argument.size());
  bool shares = false;
  while (reader.next()) {
    if (reader.tag() == 3) {
      shares = shares || reader.get_enum() == TF_RESOURCE;
    } else if (reader.tag() == 16) {
      shares = shares || reader.get_bool();
    } else {
      reader.skip();
    }
  }
  return shares;
}

Known ReadRegistry() {
  Known known;
  const tf::BufferPtr buffer(C().TF_GetAllOpList());
  known.bytes = tf::View(buffer.get());
  protozero::pbf_reader list(known.bytes);
  while (list.next(1)) {
    const protozero::data_view view = list.get_view();
    proto::OpDef op = proto::ReadOp({view.data(), view.size()}, "an op");
    const std::string name(op.name);
    protozero::pbf_reader fields(view);
    while (fields.next()) {
      if (fields.tag() != 2 && fields.tag() != 3) {
        fields.skip();
        continue;
      }
      const protozero::data_view argument = fields.get_view();
      if (Shares({argument.data(), argument.size()})) known.shares.insert(name);
    }
    known.ops.emplace(name, std::move(op));
  }
  return known;
}

TEST(PureOps, OnlyCompute) {
  const Known known = ReadRegistry();
  ASSERT_GT(known.ops.size(), 1000U);
  int found = 0;
  for (const std::string_view name : PureOps()) {
    const auto op = known.ops.find(name);
    if (op == known.ops.end()) continue;  // of an older or newer TensorFlow
    ++found;
    EXPECT_FALSE(op->second.is_stateful) << name;
    EXPECT_TRUE(op->second.function_attrs.empty()) << name;
    EXPECT_EQ(known.shares.count(name), 0U) << name << " takes or gives a resource or a reference";
  }
  EXPECT_GT(found, 600);
  for (const std::string_view name : StatefulPureOps()) {
    const auto op = known.ops.find(name);
    if (op == known.ops.end()) continue;
    EXPECT_TRUE(op->second.is_stateful) << name << " belongs into pure_ops.inc";
    EXPECT_TRUE(op->second.function_attrs.empty()) << name;
    EXPECT_EQ(known.shares.count(name), 0U) << name;
  }
}

// What reaches outside by its attributes or inputs, though TensorFlow calls none of it stateful, or did not
// always.
TEST(PureOps, HoldNothingThatReachesOutside) {
  for (const char* name : {"ReadFile",
                           "WriteFile",
                           "MatchingFiles",
                           "ImmutableConst",
                           "GenerateVocabRemapping",
                           "DecodeProtoV2",
                           "EncodeProto",
                           "DebugIdentity",
                           "DebugNanCount",
                           "DebugNumericSummary",
                           "Copy",
                           "CopyHost",
                           "PyFuncStateless",
                           "LoadAndRemapMatrix",
                           "TfLiteSubgraphExecute",
                           "Batch",
                           "MlirPassthroughOp",
                           "InplaceUpdate",
                           "Exit",
                           "NextIteration",
                           "XlaCustomCall",
                           "PrintV2",
                           "Empty",
                           "VarHandleOp",
                           "FixedUnigramCandidateSampler"}) {
    EXPECT_FALSE(IsPureOp(name)) << name;
  }
}

// Not a failure: what a newer TensorFlow can do should be looked at, not taken.
TEST(PureOps, TellWhatIsNotListed) {
  const Known known = ReadRegistry();
  std::string names;
  int count = 0;
  for (const auto& [name, op] : known.ops) {
    if (op.is_stateful || !op.function_attrs.empty() || known.shares.count(name) > 0 || IsPureOp(name))
      continue;
    if (name[0] == '_') continue;
    names += " " + name;
    ++count;
  }
  std::printf("TensorFlow %s: %d stateless ops are not listed:%s\n", C().TF_Version(), count, names.c_str());
}

using AllowedOps = BadInput;

// y reads the file that the model's input names.
std::string ReadingGraph() {
  return GraphBytes(
      {{"x", "Placeholder", {}, {{"dtype", TypeAttr(TF_STRING)}, {"shape", ShapeAttr(Shape::Of({}))}}},
       {"read/y", "ReadFile", {"x"}, {}}});
}

TEST_F(AllowedOps, AreTakenAndOthersNamed) {
  LoadOptions options = At(Write("graph.pb", ReadingGraph()));
  ExpectError(options, TF_UNIMPLEMENTED, "op ReadFile (node 'read/y')");
  ExpectError(options, TF_UNIMPLEMENTED, "`allowOps`");
  EXPECT_EQ(LoadError(options).op(), "read/y");
  options.allow_ops = {"MatchingFiles"};
  ExpectError(options, TF_UNIMPLEMENTED, "op ReadFile");
  options.allow_ops = {"MatchingFiles", "ReadFile"};
  EXPECT_EQ(ModelGraph::Load(options)->output_tensors(), (std::vector<std::string>{"read/y:0"}));
}

TEST_F(AllowedOps, MustBeOpsThatCanBeTaken) {
  LoadOptions options = At(Write("graph.pb", ReadingGraph()));
  options.allow_ops = {"ReadFile", "ReadAFile"};
  ExpectError(options, TF_INVALID_ARGUMENT, "`allowOps` names 'ReadAFile', which is no op of TensorFlow");
  options.allow_ops = {"While"};
  ExpectError(options, TF_INVALID_ARGUMENT, "`allowOps` names 'While', which runs functions");
}

// Found by reviewing the registry: TensorFlow calls these stateless, and they write to and read what
// attributes name.
TEST_F(AllowedOps, DoNotHoldOpsThatReachOutByTheirAttributes) {
  Refuse(GraphBytes({Input(), {"y", "DebugIdentity", {"x"}}}), TF_UNIMPLEMENTED,
         "op DebugIdentity (node 'y')");
  Refuse(GraphBytes({Input(), {"y", "CopyHost", {"x"}}}), TF_UNIMPLEMENTED, "op CopyHost (node 'y')");
}

// Half a loop of TensorFlow 1 is no cycle; what TensorFlow does with it is not for us to find out.
TEST_F(AllowedOps, AreNoLoopsOfTensorflow1) {
  for (const char* op : {"Exit", "NextIteration", "LoopCond"}) {
    Refuse(GraphBytes({Input(), {"y", op, {"x"}}}), TF_UNIMPLEMENTED, std::string("op ") + op);
  }
}

}  // namespace
}  // namespace ke::graph
