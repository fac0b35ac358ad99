#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

namespace {

Arg Indices(const std::vector<int64_t>& shape, const std::vector<double>& values,
            TF_DataType dtype = TF_INT32) {
  return {shape, 0, 0, values, dtype};
}

GradientCase Gather(const std::string& name, const std::vector<int64_t>& shape, const Arg& indices, int axis,
                    int batch_dims) {
  return {
      "GatherV2" + name, {{shape}, indices}, [=](graph::Scope& s, const Tensors& x) {
        return s.Op("GatherV2").In(x[0]).In(x[1]).In(s.Const(axis)).AttrInt("batch_dims", batch_dims).Outs();
      }};
}

}  // namespace

std::vector<GradientCase> GatherCases() {
  std::vector<GradientCase> cases;
  const Arg three = Indices({3}, {2, 0, 2});
  const Arg rows = Indices({2, 2}, {1, 1, 0, 2}, TF_INT64);
  cases.push_back(OneOp("Gather", {{{3, 2}}, three}));
  cases.push_back(Gather("First", {3, 2}, three, 0, 0));
  cases.push_back(Gather("FirstByMatrix", {3, 2}, rows, 0, 0));
  cases.push_back(Gather("Scalar", {2, 3}, Indices({}, {1}), 1, 0));
  cases.push_back(Gather("Middle", {2, 3, 2}, three, 1, 0));
  // A negative axis. TensorFlow's C++ gradients fail at run time for negative axes.
  cases.push_back(Gather("Negative", {2, 2, 3}, three, -1, 0));
  // Units of each sample, gathered as the explaining methods gather units.
  cases.push_back(Gather("Batch", {2, 3}, rows, -1, 1));
  cases.push_back(Gather("NegativeBatch", {2, 3}, rows, -1, -1));
  cases.push_back(Gather("BatchThenAxis", {2, 2, 3, 2}, rows, 2, 1));
  cases.push_back(Gather("TwoBatchAxes", {2, 2, 3}, Indices({2, 2, 1}, {1, 0, 2, 2}), 2, 2));
  // One side's batch is static and 1, as that of a constant.
  cases.push_back(
      {"GatherV2BatchOfOne", {{{1, 4}}}, [](graph::Scope& s, const Tensors& x) {
         const std::vector<int32_t> picks = {2, 0, 2};
         const TF_Output indices = s.Const(tf::MakeTensor(TF_INT32, {1, 3}, picks.data()).get());
         return s.Op("GatherV2").In(x[0]).In(indices).In(s.Const(1)).AttrInt("batch_dims", 1).Outs();
       }});
  cases.push_back({"GatherV2BatchOfOneParams",
                   {{{1, 3}}, Indices({1, 2}, {1, 1})},
                   [](graph::Scope& s, const Tensors& x) {
                     const TF_Output row = s.Op("Slice")
                                               .In(x[0])
                                               .In(s.Const(std::vector<int32_t>{0, 0}))
                                               .In(s.Const(std::vector<int32_t>{1, 3}))
                                               .Out();
                     return s.Op("GatherV2").In(row).In(x[1]).In(s.Const(-1)).AttrInt("batch_dims", 1).Outs();
                   }});
  for (const int axis : {1, -1}) {
    cases.push_back({"GatherV2FedAxis" + std::string(axis < 0 ? "Negative" : ""),
                     {{{2, 3, 4}}, three, Indices({}, {static_cast<double>(axis)})},
                     [](graph::Scope& s, const Tensors& x) {
                       return s.Op("GatherV2").In(x[0]).In(x[1]).In(x[2]).Outs();
                     }});
  }
  cases.push_back(OneOp("GatherNd", {{{2, 3, 2}}, Indices({3, 2}, {0, 1, 1, 2, 0, 1})}));
  cases.push_back(OneOp("GatherNd", {{{3, 2}}, Indices({2, 1}, {2, 2}, TF_INT64)}, nullptr, "Rows"));
  cases.push_back(
      {"ScatterNd", {{{3, 2}}, Indices({3, 1}, {3, 0, 3})}, [](graph::Scope& s, const Tensors& x) {
         return s.Op("ScatterNd").In(x[1]).In(x[0]).In(s.Const(std::vector<int32_t>{4, 2})).Outs();
       }});
  for (const auto& shape : std::vector<std::vector<int64_t>>{{5}, {2, 4}, {2, 2, 3}}) {
    cases.push_back(
        {"TopKV2OfRank" + std::to_string(shape.size()), {{shape}}, [](graph::Scope& s, const Tensors& x) {
           return s.Op("TopKV2").In(x[0]).In(s.Const(2)).Outs();
         }});
  }
  return cases;
}

class GradientOfGather : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfGather, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfGather, ::testing::ValuesIn(GatherCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
