// Compares the table of ops with the loaded TensorFlow.
#include "ir/op_traits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "crafted_graph.h"
#include "ir/op_registry.h"
#include "tensorflow/protozero.h"
#include "wire/field_numbers.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

using tf::C;

// Every op of the library that users may name, and whether its inputs or outputs contain resources or
// references.
struct Known {
  std::string bytes;
  std::map<std::string, proto::OpDef, std::less<>> ops;
  std::set<std::string, std::less<>> shares;
};

bool Shares(std::string_view argument) {
  protozero::pbf_reader reader(argument.data(), argument.size());
  bool shares = false;
  while (reader.next()) {
    if (reader.tag() == fields::arg_def::kType) {
      shares = shares || reader.get_enum() == TF_RESOURCE;
    } else if (reader.tag() == fields::arg_def::kIsRef) {
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
  while (list.next(fields::op_list::kOp)) {
    const protozero::data_view view = list.get_view();
    proto::OpDef op = proto::ReadOp({view.data(), view.size()}, "an op");
    const std::string name(op.name);
    protozero::pbf_reader op_fields(view);
    while (op_fields.next()) {
      if (op_fields.tag() != fields::op_def::kInput && op_fields.tag() != fields::op_def::kOutput) {
        op_fields.skip();
        continue;
      }
      const protozero::data_view argument = op_fields.get_view();
      if (Shares({argument.data(), argument.size()})) known.shares.insert(name);
    }
    known.ops.emplace(name, std::move(op));
  }
  return known;
}

// Returns the rows with all of `traits` whose op the loaded TensorFlow has: name and definition.
std::vector<std::pair<std::string_view, const proto::OpDef*>> With(Traits traits, const Known& known) {
  std::vector<std::pair<std::string_view, const proto::OpDef*>> found;
  for (const auto& [name, of_op] : AllOpTraits()) {
    const auto op = known.ops.find(name);
    if ((of_op & traits) == traits && op != known.ops.end()) found.emplace_back(name, &op->second);
  }
  EXPECT_FALSE(found.empty());
  return found;
}

// The minimum number of ops of the table in the oldest supported TensorFlow.
constexpr size_t kOfOldest = 600;

TEST(OpTraits, ListEachOpOnceAndOnlyOpsOfTensorflow) {
  const Known known = ReadRegistry();
  ASSERT_GT(known.ops.size(), 1000U);
  std::set<std::string_view> names;
  std::vector<std::string_view> unknown;
  for (const auto& [name, traits] : AllOpTraits()) {
    EXPECT_TRUE(names.insert(name).second) << name << " stands in two rows";
    EXPECT_NE(traits, 0U) << name;
    if (known.ops.count(name) == 0) unknown.push_back(name);
  }
  EXPECT_GT(names.size() - unknown.size(), kOfOldest);
  // The table comes from the registry of this version. An older version lacks some ops.
  if (std::string_view(C().TF_Version()).starts_with("2.21.")) {
    EXPECT_EQ(unknown, std::vector<std::string_view>());
  }
}

TEST(OpTraits, AreEmptyForAnOpOutsideTheTable) {
  EXPECT_EQ(TraitsOf("ReadFile"), 0U);
  EXPECT_EQ(TraitsOf(""), 0U);
  EXPECT_FALSE(HasTrait("Rel", trait::kPure));
  EXPECT_FALSE(HasAnyTrait("ReadFile", {trait::kPure, trait::kPlumbing}));
  EXPECT_TRUE(HasAnyTrait("Mul", {trait::kSum, trait::kAffine}));
  // All bits of a trait count, not only one of them.
  EXPECT_FALSE(HasTrait("Mul", trait::kSum));
  EXPECT_FALSE(HasTrait("Gather", trait::kView));
}

TEST(OpTraits, MatchTensorflowsDefinitionsOfPureOps) {
  const Known known = ReadRegistry();
  for (const auto& [name, op] : With(trait::kPure, known)) {
    EXPECT_TRUE(op->function_attrs.empty()) << name;
    EXPECT_EQ(known.shares.count(name), 0U) << name << " takes or gives a resource or a reference";
    EXPECT_EQ(op->is_stateful, HasTrait(name, trait::kStateful)) << name;
  }
}

TEST(OpTraits, MatchTheInputsAndOutputs) {
  const Known known = ReadRegistry();
  const auto is_one_to_one = [](const proto::OpDef& op) {
    return op.inputs.size() == 1 && op.outputs.size() == 1;
  };
  for (const auto& [name, op] : With(trait::kUnary, known)) EXPECT_TRUE(is_one_to_one(*op)) << name;
  for (const auto& [name, op] : With(trait::kConverts, known)) EXPECT_TRUE(is_one_to_one(*op)) << name;
  for (const auto& [name, op] : With(trait::kBinary, known)) {
    ASSERT_EQ(op->inputs.size(), 2U) << name;
    EXPECT_EQ(op->outputs.size(), 1U) << name;
    EXPECT_TRUE(op->inputs[1].number_attr.empty()) << name;
  }
  for (const auto& [name, op] : With(trait::kAffine, known)) {
    EXPECT_EQ(op->inputs[0].type_attr, op->outputs[0].type_attr) << name;
    EXPECT_EQ(op->inputs[1].type_attr, op->outputs[0].type_attr) << name;
  }
  for (const auto& [name, op] : With(trait::kKeepsValues, known)) {
    ASSERT_EQ(op->outputs.size(), 1U) << name;
    EXPECT_EQ(op->inputs[0].type_attr, op->outputs[0].type_attr) << name;
    EXPECT_EQ(op->inputs[0].type_list_attr, op->outputs[0].type_list_attr) << name;
  }
  for (const auto& [name, op] : With(trait::kReduction, known)) {
    ASSERT_EQ(op->inputs.size(), 2U) << name;
    EXPECT_EQ(op->inputs[1].name, "reduction_indices") << name;
  }
  for (const auto& [name, op] : With(trait::kConvolution, known)) {
    ASSERT_GE(op->inputs.size(), 2U) << name;
    EXPECT_EQ(op->inputs[1].name, "filter") << name;
  }
  for (const auto& [name, op] : With(trait::kBiasAdd, known)) EXPECT_EQ(op->inputs[1].name, "bias") << name;
  for (const auto& [name, op] : With(trait::kBatchNorm, known)) {
    std::vector<std::string_view> inputs;
    for (const proto::ArgDef& input : op->inputs) inputs.push_back(input.name);
    EXPECT_EQ(inputs, (std::vector<std::string_view>{"x", "scale", "offset", "mean", "variance"})) << name;
  }
  for (const auto& [name, op] : With(trait::kSelects, known)) EXPECT_EQ(op->inputs.size(), 3U) << name;
  for (const auto& [name, op] : With(trait::kCallsFunctions, known)) {
    EXPECT_FALSE(op->function_attrs.empty()) << name;
    EXPECT_FALSE(HasTrait(name, trait::kPure)) << name;
  }
  for (const auto& [name, op] : With(trait::kReadsVariable, known)) {
    EXPECT_GT(known.shares.count(name), 0U) << name;
    EXPECT_FALSE(HasTrait(name, trait::kPure)) << name;
  }
}

// The versions of an op that compute the same have the same traits.
TEST(OpTraits, AreEqualForAllVersionsOfAnOp) {
  for (const std::vector<std::string_view>& versions : std::vector<std::vector<std::string_view>>{
           {"Add", "AddV2"},
           {"Div", "RealDiv"},
           {"BiasAdd", "BiasAddV1"},
           {"Concat", "ConcatV2"},
           {"Gather", "GatherV2"},
           {"Pad", "PadV2"},
           {"Split", "SplitV"},
           {"Reverse", "ReverseV2"},
           {"Select", "SelectV2"},
           {"Inv", "Reciprocal"},
           {"MaxPool", "MaxPoolV2"},
           {"BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"},
           {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"},
           {"Conv3DBackpropInput", "Conv3DBackpropInputV2", "Conv2DBackpropInput", "Conv2DBackpropInputV2"},
           {"If", "StatelessIf"},
           {"While", "StatelessWhile"},
           {"Case", "StatelessCase"},
           {"PartitionedCall", "StatefulPartitionedCall"},
           {"CheckNumerics", "CheckNumericsV2"}}) {
    for (const std::string_view version : versions) {
      EXPECT_EQ(TraitsOf(version), TraitsOf(versions[0])) << version;
      EXPECT_NE(TraitsOf(version), 0U) << version;
    }
  }
}

// Ops that reach outside the graph through attributes or inputs, although TensorFlow does not call them
// stateful, or did not always.
TEST(PureOps, ExcludeOpsThatReachOutside) {
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
    EXPECT_FALSE(HasTrait(name, trait::kPure)) << name;
  }
}

// This is not a failure: new ops of a newer TensorFlow must be reviewed before they are accepted.
TEST(PureOps, ReportUnlistedOps) {
  const Known known = ReadRegistry();
  std::string names;
  int count = 0;
  for (const auto& [name, op] : known.ops) {
    if (op.is_stateful || !op.function_attrs.empty() || known.shares.count(name) > 0 ||
        HasTrait(name, trait::kPure))
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

TEST_F(AllowedOps, AreAcceptedAndOthersNamed) {
  LoadOptions options = At(Write("graph.pb", ReadingGraph()));
  ExpectError(options, TF_UNIMPLEMENTED, "op ReadFile (node 'read/y')");
  ExpectError(options, TF_UNIMPLEMENTED, "`allowOps`");
  EXPECT_EQ(LoadError(options).op(), "read/y");
  options.allow_ops = {"MatchingFiles"};
  ExpectError(options, TF_UNIMPLEMENTED, "op ReadFile");
  options.allow_ops = {"MatchingFiles", "ReadFile"};
  EXPECT_EQ(ModelGraph::Load(options)->output_tensors(), (std::vector<std::string>{"read/y:0"}));
}

TEST_F(AllowedOps, MustBeOpsThatAModelMayContain) {
  LoadOptions options = At(Write("graph.pb", ReadingGraph()));
  options.allow_ops = {"ReadFile", "ReadAFile"};
  ExpectError(options, TF_INVALID_ARGUMENT, "`allowOps` names 'ReadAFile', which is no op of TensorFlow");
  options.allow_ops = {"While"};
  ExpectError(options, TF_INVALID_ARGUMENT, "`allowOps` names 'While', which runs functions");
}

// Found in a review of the registry: TensorFlow calls these ops stateless, but they write to and read from
// targets that attributes name.
TEST_F(AllowedOps, ExcludeOpsThatReachOutThroughAttributes) {
  Refuse(GraphBytes({Input(), {"y", "DebugIdentity", {"x"}}}), TF_UNIMPLEMENTED,
         "op DebugIdentity (node 'y')");
  Refuse(GraphBytes({Input(), {"y", "CopyHost", {"x"}}}), TF_UNIMPLEMENTED, "op CopyHost (node 'y')");
}

// Half a loop of TensorFlow 1 is not a cycle. Import refuses it, because TensorFlow's behaviour is undefined.
TEST_F(AllowedOps, ExcludeLoopsOfTensorflow1) {
  for (const char* op : {"Exit", "NextIteration", "LoopCond"}) {
    Refuse(GraphBytes({Input(), {"y", op, {"x"}}}), TF_UNIMPLEMENTED, std::string("op ") + op);
  }
}

}  // namespace
}  // namespace ke::graph
