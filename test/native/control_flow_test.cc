// Tests of the import of loops and branches: crafted graphs that run, that fold, and that are refused.
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "crafted_graph.h"
#include "graph_fixture.h"
#include "wire/bounds.h"
#include "wire/read_file.h"

namespace ke::graph {
namespace {

namespace fs = std::filesystem;
using tf::C;

std::string Floats(size_t count) { return TypesAttr(std::vector<TF_DataType>(count, TF_FLOAT)); }

CraftedNode WhileOf(const std::string& name, const std::string& condition, const std::string& body,
                    const std::vector<std::string>& inputs) {
  return {name,
          "While",
          inputs,
          {{"T", Floats(inputs.size())},
           {"cond", FunctionAttr(condition)},
           {"body", FunctionAttr(body)},
           {"output_shapes", ShapesAttr(std::vector<Shape>(inputs.size(), Shape::Of({-1, 2})))}}};
}

CraftedNode IfOf(const std::string& name, const std::string& predicate, const std::string& then_branch,
                 const std::string& else_branch) {
  return {name,
          "If",
          {predicate, "x"},
          {{"Tcond", TypeAttr(TF_BOOL)},
           {"Tin", Floats(1)},
           {"Tout", Floats(1)},
           {"then_branch", FunctionAttr(then_branch)},
           {"else_branch", FunctionAttr(else_branch)}}};
}

CraftedNode BoolOf(const std::string& name, bool value) {
  return ConstOf(name, TF_BOOL, TensorOf(TF_BOOL, {}, std::string(1, value ? '\1' : '\0')));
}

CraftedNode ScalarOf(const std::string& name, float value) {
  return ConstOf(name, TF_FLOAT, TensorOf(TF_FLOAT, {}, std::string(reinterpret_cast<char*>(&value), 4)));
}

CraftedNode Unary(const std::string& name, const std::string& op, const std::string& input) {
  return {name, op, {input}};
}

// max(x) < 100.
CraftedFunction SmallerThanHundred() {
  return {"small",
          {ScalarOf("hundred", 100),
           ConstOf("axes", TF_INT32, TensorOf(TF_INT32, {2}, std::string("\0\0\0\0\1\0\0\0", 8))),
           {"max", "Max", {"x", "axes:output:0"}, {{"T", TypeAttr(TF_FLOAT)}, {"Tidx", TypeAttr(TF_INT32)}}},
           {"less", "Less", {"max:output:0", "hundred:output:0"}}},
          "less:z:0",
          TF_BOOL};
}

CraftedFunction Doubles(const std::string& name = "double") {
  return {name, {ScalarOf("two", 2), {"mul", "Mul", {"x", "two:output:0"}}}, "mul:z:0"};
}

CraftedFunction Negates() { return {"negate", {Unary("neg", "Neg", "x")}, "neg:y:0"}; }

// An op that no model may hold.
CraftedFunction Reads() {
  return {"read",
          {ConstOf("path", TF_STRING, TensorOf(TF_STRING, {})),
           {"file", "ReadFile", {"path:output:0"}, {}},
           {"decoded", "DecodeRaw", {"file:contents:0"}, {{"out_type", TypeAttr(TF_FLOAT)}}}},
          "decoded:output:0"};
}

class ControlFlowImport : public BadInput {
 protected:
  std::vector<float> Run(const std::string& graph, const std::vector<float>& x) const {
    const auto model = ModelGraph::Load(At(Write("graph.pb", graph)));
    return RunModel(*model, {{{1, static_cast<int64_t>(x.size())}, x}}, model->output_tensors())[0].data;
  }
  std::shared_ptr<const ModelGraph> Load(const std::string& graph) const {
    return ModelGraph::Load(At(Write("graph.pb", graph)));
  }
};

TEST_F(ControlFlowImport, RunsALoopWhoseTurnsDependOnTheValues) {
  const std::string graph =
      GraphBytes({Input(), WhileOf("y", "small", "double", {"x"})}, {SmallerThanHundred(), Doubles()});
  EXPECT_EQ(Run(graph, {3, 5}), (std::vector<float>{96, 160}));
  EXPECT_EQ(Run(graph, {200, 1}), (std::vector<float>{200, 1}));
}

TEST_F(ControlFlowImport, RunsALoopInALoop) {
  const CraftedFunction outer{
      "outer",
      {WhileOf("inner", "small", "double", {"x"}), Unary("neg", "Neg", "inner:output:0")},
      "neg:y:0"};
  CraftedFunction positive = SmallerThanHundred();
  positive.name = "positive";
  positive.nodes.push_back({"more", "Greater", {"max:output:0", "zero:output:0"}});
  positive.nodes.push_back(ScalarOf("zero", 0));
  positive.result = "more:z:0";
  EXPECT_EQ(Run(GraphBytes({Input(), WhileOf("y", "positive", "outer", {"x"})},
                           {SmallerThanHundred(), Doubles(), outer, positive}),
                {3, 5}),
            (std::vector<float>{-96, -160}));
}

TEST_F(ControlFlowImport, ChoosesTheBranchOfAConstantPredicate) {
  for (const bool chosen : {false, true}) {
    const auto model = Load(GraphBytes({Input(), BoolOf("p", chosen), IfOf("y", "p", "double", "negate")},
                                       {Doubles(), Negates()}));
    const std::vector<Values> results = RunModel(*model, {{{1, 2}, {3, 5}}}, model->output_tensors());
    EXPECT_EQ(results[0].data, chosen ? (std::vector<float>{6, 10}) : (std::vector<float>{-3, -5}));
    EXPECT_EQ(model->output_tensors()[0], chosen ? "mul:0" : "neg:0") << "the branch is part of the graph";
  }
}

// A default that nothing feeds is constant, and the branch that never runs may hold anything.
TEST_F(ControlFlowImport, ChoosesByADefaultAndDropsTheOtherBranch) {
  const CraftedNode phase{"phase",
                          "PlaceholderWithDefault",
                          {"p"},
                          {{"dtype", TypeAttr(TF_BOOL)}, {"shape", ShapeAttr(Shape::Of({}))}}};
  const std::string graph = GraphBytes({Input(),
                                        BoolOf("p", false),
                                        phase,
                                        {"not", "LogicalNot", {"phase"}, {}},
                                        IfOf("y", "not", "double", "read")},
                                       {Doubles(), Reads()});
  EXPECT_EQ(Run(graph, {3, 5}), (std::vector<float>{6, 10}));
}

// The number of columns of x is static, the number of rows is not.
TEST_F(ControlFlowImport, ChoosesByStaticSizes) {
  const auto shape_of = [](const std::string& begin, const std::string& end) {
    const auto one = [](const std::string& name, const std::string& text) {
      const auto value = static_cast<int32_t>(std::stoi(text));
      return ConstOf(name, TF_INT32,
                     TensorOf(TF_INT32, {1}, std::string(reinterpret_cast<const char*>(&value), 4)));
    };
    return std::vector<CraftedNode>{
        Input(),
        {"shape", "Shape", {"x"}, {{"T", TypeAttr(TF_FLOAT)}, {"out_type", TypeAttr(TF_INT32)}}},
        one("begin", begin),
        one("end", end),
        one("step", "1"),
        {"size",
         "StridedSlice",
         {"shape", "begin", "end", "step"},
         {{"T", TypeAttr(TF_INT32)}, {"Index", TypeAttr(TF_INT32)}, {"shrink_axis_mask", IntAttr(1)}}},
        ConstOf("two", TF_INT32, TensorOf(TF_INT32, {}, std::string("\2\0\0\0", 4))),
        {"p", "Equal", {"size", "two"}, {{"T", TypeAttr(TF_INT32)}}},
        IfOf("y", "p", "double", "negate")};
  };
  EXPECT_EQ(Load(GraphBytes(shape_of("1", "2"), {Doubles(), Negates()}))->output_tensors()[0], "mul:0");
  const std::string dynamic = GraphBytes(shape_of("0", "1"), {Doubles(), Negates()});
  EXPECT_EQ(Load(dynamic)->output_tensors()[0], "y:0");
  EXPECT_EQ(Run(dynamic, {3, 5}), (std::vector<float>{-3, -5}));
}

// The functions of two models, and of two calls of one model, must not be mixed up.
TEST_F(ControlFlowImport, KeepsTheFunctionsOfModelsApart) {
  CraftedFunction triples = Doubles();
  triples.nodes[0] = ScalarOf("two", 3);
  const auto doubling =
      ModelGraph::Load(At(Write("double.pb", GraphBytes({Input(), WhileOf("y", "small", "double", {"x"})},
                                                        {SmallerThanHundred(), Doubles()}))));
  const auto tripling =
      ModelGraph::Load(At(Write("triple.pb", GraphBytes({Input(), WhileOf("y", "small", "double", {"x"})},
                                                        {SmallerThanHundred(), triples}))));
  Scope scope;
  const TF_Output x = scope.Placeholder(TF_FLOAT, Shape::Of({1, 2}));
  const std::vector<TF_Output> first = doubling->Instantiate(&scope, {x}, doubling->output_tensors());
  const std::vector<TF_Output> second = tripling->Instantiate(&scope, first, tripling->output_tensors());
  EXPECT_NO_THROW(doubling->Instantiate(&scope, second, doubling->output_tensors()));
}

TEST_F(ControlFlowImport, RefusesFunctionsThatDoNotFit) {
  const auto loop = [](const CraftedFunction& condition, const CraftedFunction& body) {
    return GraphBytes({Input(), WhileOf("y", "small", "double", {"x"})}, {condition, body});
  };
  Refuse(GraphBytes({Input(), WhileOf("y", "small", "missing", {"x"})}, {SmallerThanHundred()}), TF_DATA_LOSS,
         "function 'missing' is called but not defined");
  Refuse(GraphBytes({Input(), {"y", "While", {"x"}, {{"T", Floats(1)}}}}), TF_DATA_LOSS,
         "'While' does not name its functions");
  CraftedFunction condition = SmallerThanHundred();
  condition.result_dtype = TF_FLOAT;
  condition.result = "max:output:0";
  Refuse(loop(condition, Doubles()), TF_DATA_LOSS, "the condition does not return a truth value");
  CraftedFunction two = Doubles();
  two.arguments = {TF_FLOAT, TF_FLOAT};
  Refuse(loop(SmallerThanHundred(), two), TF_DATA_LOSS, "takes 2 tensors, but is given 1");
  CraftedFunction integers = Doubles();
  integers.arguments = {TF_INT32};
  Refuse(loop(SmallerThanHundred(), integers), TF_DATA_LOSS, "take tensors of different dtypes");
  CraftedFunction declared = Doubles();
  declared.result_dtype = TF_INT32;
  Refuse(loop(SmallerThanHundred(), declared), TF_DATA_LOSS, "does not return tensors of the dtypes");
  CraftedFunction lies = Doubles();
  lies.nodes.push_back(
      {"cast", "Cast", {"mul:z:0"}, {{"SrcT", TypeAttr(TF_FLOAT)}, {"DstT", TypeAttr(TF_INT32)}}});
  lies.result = "cast:y:0";
  Refuse(loop(SmallerThanHundred(), lies), TF_DATA_LOSS, "returns tensors of other dtypes than it declares");
  CraftedFunction open = Doubles();
  open.result = "nothing:z:0";
  Refuse(loop(SmallerThanHundred(), open), TF_DATA_LOSS, "there is no node 'nothing'");
  CraftedFunction beyond = Doubles();
  beyond.result = "mul:z:7";
  Refuse(loop(SmallerThanHundred(), beyond), TF_DATA_LOSS, "has no output");
  // Two tensors and one argument.
  Refuse(
      GraphBytes({Input(), WhileOf("y", "small", "double", {"x", "x"})}, {SmallerThanHundred(), Doubles()}),
      TF_DATA_LOSS, "takes 1 tensors, but is given 2");
  Refuse(GraphBytes({Input(), IfOf("y", "x", "double", "negate")}, {Doubles(), Negates()}),
         TF_INVALID_ARGUMENT, "y");
}

TEST_F(ControlFlowImport, RefusesImpureBodies) {
  Refuse(GraphBytes({Input(), WhileOf("y", "small", "read", {"x"})}, {SmallerThanHundred(), Reads()}),
         TF_UNIMPLEMENTED, "op ReadFile (node 'file')");
  // A resource argument that is a tensor outside.
  CraftedFunction handle{
      "handle", {Unary("copy", "Identity", "x")}, "copy:output:0", TF_FLOAT, {TF_RESOURCE}};
  CraftedFunction condition = SmallerThanHundred();
  condition.arguments = {TF_RESOURCE};
  Refuse(GraphBytes({Input(), WhileOf("y", "small", "handle", {"x"})}, {condition, handle}), TF_DATA_LOSS,
         "does not return tensors of the dtypes");
  CraftedFunction else_branch = handle;
  else_branch.name = "other";
  Refuse(GraphBytes({Input(), {"positive", "IsFinite", {"x"}}, IfOf("y", "positive", "handle", "other")},
                    {handle, else_branch}),
         TF_UNIMPLEMENTED, "uses resource 'x'");
}

TEST_F(ControlFlowImport, RefusesRecursionAndDepth) {
  const CraftedFunction again{"again", {WhileOf("w", "small", "again", {"x"})}, "w:output:0"};
  Refuse(GraphBytes({Input(), WhileOf("y", "small", "again", {"x"})}, {SmallerThanHundred(), again}),
         TF_UNIMPLEMENTED, "function 'again' calls itself");
  std::vector<CraftedFunction> functions = {SmallerThanHundred(), Doubles("f0")};
  for (int i = 1; i <= bounds::kBodyDepth; ++i) {
    functions.push_back(
        {"f" + std::to_string(i), {WhileOf("w", "small", "f" + std::to_string(i - 1), {"x"})}, "w:output:0"});
  }
  const auto nested = [&](int depth) {
    return GraphBytes({Input(), WhileOf("y", "small", "f" + std::to_string(depth), {"x"})}, functions);
  };
  Refuse(nested(bounds::kBodyDepth), TF_OUT_OF_RANGE, "the depth of loops and branches within each other");
  EXPECT_EQ(Run(nested(bounds::kBodyDepth - 1), {3, 5}), (std::vector<float>{96, 160}));
}

// A value of one sample must not depend on the other samples without anybody's knowledge.
TEST_F(ControlFlowImport, FindsSamplesThatSeeEachOtherInBodies) {
  const CraftedNode axes =
      ConstOf("axes", TF_INT32, TensorOf(TF_INT32, {2}, std::string("\0\0\0\0\1\0\0\0", 8)));
  const auto maximum = [](const std::string& input) {
    return CraftedNode{"max", "Max", {"x", input}, {{"T", TypeAttr(TF_FLOAT)}, {"Tidx", TypeAttr(TF_INT32)}}};
  };
  const CraftedFunction scaled{
      "scaled", {axes, maximum("axes:output:0"), {"scale", "RealDiv", {"x", "max:output:0"}}}, "scale:z:0"};
  const auto mixes = [&](const std::vector<CraftedNode>& nodes,
                         const std::vector<CraftedFunction>& functions) {
    LoadOptions options = At(Write("graph.pb", GraphBytes(nodes, functions)));
    options.allow_random = true;
    const auto model = ModelGraph::Load(options);
    return model->MixesSamples(model->output_tensors());
  };
  // The predicate is not constant, and depends on no sample.
  const CraftedNode seed = ConstOf("seed", TF_INT32, TensorOf(TF_INT32, {1}, std::string("\1\0\0\0", 4)));
  const CraftedNode random{"random",
                           "RandomUniform",
                           {"seed"},
                           {{"T", TypeAttr(TF_INT32)}, {"dtype", TypeAttr(TF_FLOAT)}, {"seed", IntAttr(3)}}};
  const CraftedNode finite{"finite", "IsFinite", {"random"}};
  const CraftedNode zero = ConstOf("zero", TF_INT32, TensorOf(TF_INT32, {1}, std::string("\0\0\0\0", 4)));
  const CraftedNode any{"p", "Any", {"finite", "zero"}, {{"Tidx", TypeAttr(TF_INT32)}}};
  const std::vector<CraftedNode> start = {Input(), seed, random, finite, zero, any};
  const auto with = [&](const CraftedNode& node) {
    std::vector<CraftedNode> nodes = start;
    nodes.push_back(node);
    return nodes;
  };
  EXPECT_FALSE(mixes(with(IfOf("y", "p", "double", "negate")), {Doubles(), Negates()}));
  EXPECT_TRUE(mixes(with(IfOf("y", "p", "scaled", "negate")), {scaled, Negates()}));
  EXPECT_TRUE(mixes({Input(), WhileOf("y", "small", "double", {"x"})}, {SmallerThanHundred(), Doubles()}))
      << "the largest sample determines the number of turns";
  CraftedFunction never{"never", {BoolOf("no", false)}, "no:output:0", TF_BOOL};
  EXPECT_FALSE(mixes({Input(), WhileOf("y", "never", "double", {"x"})}, {never, Doubles()}));
  EXPECT_TRUE(mixes({Input(), WhileOf("y", "never", "scaled", {"x"})}, {never, scaled}));
}

// A condition that calls the loop as an input of itself.
TEST_F(ControlFlowImport, RefusesACycleThroughALoop) {
  Refuse(GraphBytes({Input(), WhileOf("w", "small", "double", {"y"}), Unary("y", "Relu", "w"),
                     Unary("z", "Relu", "y")},
                    {SmallerThanHundred(), Doubles()}),
         TF_UNIMPLEMENTED, "lower_control_flow=False");
}

TEST_F(ControlFlowImport, DoesNotCrashOnNoise) {
  std::mt19937 random(11);
  int loaded = 0;
  int refused = 0;
  for (const char* fixture : {"lstm_k3", "nested_k3", "switch_k3"}) {
    const fs::path from =
        fs::path(FixturePath("x")).parent_path().parent_path() / "control_flow" / fixture / "model";
    const std::string model = (folder_ / fixture).string();
    fs::copy(from, model, fs::copy_options::recursive);
    const std::string file = model + "/saved_model.pb";
    const std::string whole = ReadFile(file, "", bounds::kGraphBytes);
    for (int round = 0; round < 60; ++round) {
      std::string damaged = whole;
      const int flips = 1 << (round % 6);
      for (int i = 0; i < flips; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
      std::ofstream(file, std::ios::binary)
          .write(damaged.data(), static_cast<std::streamsize>(damaged.size()));
      try {
        ModelGraph::Load(At(model));
        ++loaded;
      } catch (const tf::Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(loaded, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace ke::graph
