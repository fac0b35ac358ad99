// Segments, scattered updates, and rows that are distributed and joined by indices.
#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

namespace {

using Ints = std::vector<int32_t>;

Arg Indices(const std::vector<int64_t>& shape, const std::vector<double>& values,
            TF_DataType dtype = TF_INT32) {
  return {shape, 0, 0, values, dtype};
}

// Different values, further apart than a step.
Arg Apart(const std::vector<int64_t>& shape) {
  Arg arg = {shape};
  int64_t count = 1;
  for (const int64_t dim : shape) count *= dim;
  for (int64_t i = 0; i < count; ++i) arg.values.push_back(0.3 * static_cast<double>(i * 7 % 11) - 1.4);
  return arg;
}

void AddSegments(std::vector<GradientCase>* cases) {
  const Arg sorted = Indices({4}, {0, 0, 2, 2});  // no row has segment 1
  const Arg unsorted = Indices({4}, {1, -1, 0, 1}, TF_INT64);
  const Arg matrix = Indices({2, 2}, {1, -1, 0, 1});
  const Arg zeros = {{4, 2}, 0, 0, {0, 2, 3, -1, 0, 4, 0, 1}};
  for (const char* type : {"Sum", "Mean", "Max", "Min", "Prod"}) {
    cases->push_back(OneOp(std::string("Segment") + type, {Apart({4, 2}), sorted}));
  }
  cases->push_back(OneOp("SegmentProd", {zeros, sorted}, nullptr, "WithZeros"));
  // The maximum of a segment without rows is the lowest number, so both segments have rows.
  const auto two = [](graph::Scope& s, graph::OpBuilder& op) { op.In(s.Const(2)); };
  for (const char* type : {"Sum", "Max", "Min", "Prod"}) {
    const std::string name = std::string("UnsortedSegment") + type;
    cases->push_back(OneOp(name, {Apart({4, 2}), unsorted}, two));
    cases->push_back(OneOp(name, {Apart({2, 2, 3}), matrix}, two, "ByMatrix"));
  }
  cases->push_back(OneOp("UnsortedSegmentProd", {zeros, Indices({4}, {0, 0, 1, 0})}, two, "WithZeros"));
  for (const std::string type : {"SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN"}) {
    const std::vector<Arg> args = {{{3, 2}}, Indices({4}, {2, 0, 2, 1}), Indices({4}, {0, 0, 2, 2})};
    cases->push_back(OneOp(type, args));
    cases->push_back(OneOp(type + "WithNumSegments", args,
                           [](graph::Scope& s, graph::OpBuilder& op) { op.In(s.Const(4)); }));
  }
}

void AddScatters(std::vector<GradientCase>* cases) {
  const Arg rows = Indices({2, 1}, {2, 0});
  const Arg elements = Indices({2, 2}, {2, 0, 0, 1}, TF_INT64);
  for (const char* type : {"TensorScatterUpdate", "TensorScatterAdd", "TensorScatterSub",
                           "ScatterNdNonAliasingAdd", "TensorScatterMax", "TensorScatterMin"}) {
    cases->push_back(OneOp(type, {Apart({3, 2}), rows, {{2, 2}}}, nullptr, "Rows"));
    cases->push_back(OneOp(type, {Apart({3, 2}), elements, {{2}}}));
  }
  const auto update = [&](const std::string& name, const std::vector<int64_t>& value, int shrink) {
    cases->push_back(
        {"TensorStridedSliceUpdate" + name, {{{3, 4}}, {value}}, [=](graph::Scope& s, const Tensors& x) {
           return s.Op("TensorStridedSliceUpdate")
               .In(x[0])
               .In(s.Const(Ints{0, 1}))
               .In(s.Const(Ints{3, 4}))
               .In(s.Const(Ints{2, 2}))
               .In(x[1])
               .AttrInt("shrink_axis_mask", shrink)
               .Outs();
         }});
  };
  update("", {2, 2}, 0);
  update("Broadcast", {2}, 0);
  update("Scalar", {}, 0);
  for (const char* type : {"DynamicStitch", "ParallelDynamicStitch"}) {
    cases->push_back(
        {type, {{{2, 2}}, {{3, 2}}}, [=](graph::Scope& s, const Tensors& x) {
           return s.Op(type).InList({s.Const(Ints{4, 1}), s.Const(Ints{0, 2, 3})}).InList(x).Outs();
         }});
  }
  const auto parts = [](graph::Scope&, graph::OpBuilder& op) { op.AttrInt("num_partitions", 3); };
  cases->push_back(OneOp("DynamicPartition", {{{4, 2}}, Indices({4}, {2, 0, 2, 1})}, parts));
  cases->push_back(OneOp("DynamicPartition", {{{2, 2}}, Indices({2, 2}, {1, 0, 1, 2})}, parts, "ByMatrix"));
}

}  // namespace

std::vector<GradientCase> SegmentCases() {
  std::vector<GradientCase> cases;
  AddSegments(&cases);
  AddScatters(&cases);
  return cases;
}

class GradientOfSegment : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfSegment, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfSegment, ::testing::ValuesIn(SegmentCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
