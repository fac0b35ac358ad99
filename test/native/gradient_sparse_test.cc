#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

namespace {

using Longs = std::vector<int64_t>;

TF_Output Const(graph::Scope& s, const std::vector<int64_t>& shape, const Longs& values) {
  return s.Const(tf::MakeTensor(TF_INT64, shape, values.data()).get());
}

// The indices and the shape of a sparse matrix (3, 4) with four values, in order.
TF_Output Where(graph::Scope& s) { return Const(s, {4, 2}, {0, 1, 0, 3, 1, 2, 2, 0}); }
TF_Output Whole(graph::Scope& s) { return Const(s, {2}, {3, 4}); }

GradientCase Case(const std::string& name, const std::vector<std::vector<int64_t>>& shapes,
                  const std::function<Tensors(graph::Scope& s, const Tensors& x)>& build) {
  GradientCase test;
  test.name = name;
  for (const auto& shape : shapes) test.args.push_back({shape, 0.5, 2});
  test.build = build;
  return test;
}

}  // namespace

std::vector<GradientCase> SparseCases() {
  std::vector<GradientCase> cases;
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      const int64_t inner = a ? 3 : 4;
      const std::vector<int64_t> dense = b ? std::vector<int64_t>{2, inner} : std::vector<int64_t>{inner, 2};
      cases.push_back(Case("SparseTensorDenseMatMul" + std::to_string(a) + std::to_string(b), {{4}, dense},
                           [=](graph::Scope& s, const Tensors& x) {
                             return s.Op("SparseTensorDenseMatMul")
                                 .In(Where(s))
                                 .In(x[0])
                                 .In(Whole(s))
                                 .In(x[1])
                                 .AttrBool("adjoint_a", a)
                                 .AttrBool("adjoint_b", b)
                                 .Outs();
                           }));
    }
  }
  cases.push_back(Case("SparseTensorDenseAdd", {{4}, {3, 4}}, [](graph::Scope& s, const Tensors& x) {
    return s.Op("SparseTensorDenseAdd").In(Where(s)).In(x[0]).In(Whole(s)).In(x[1]).Outs();
  }));
  cases.push_back(Case("SparseToDense", {{4}, {}}, [](graph::Scope& s, const Tensors& x) {
    return s.Op("SparseToDense").In(Where(s)).In(Whole(s)).In(x[0]).In(x[1]).Outs();
  }));
  cases.push_back(Case("SparseToDenseVector", {{}, {}}, [](graph::Scope& s, const Tensors& x) {
    return s.Op("SparseToDense").In(Const(s, {2}, {1, 3})).In(Const(s, {1}, {5})).In(x[0]).In(x[1]).Outs();
  }));
  cases.push_back(Case("SparseToDenseScalar", {{}, {}}, [](graph::Scope& s, const Tensors& x) {
    return s.Op("SparseToDense").In(Const(s, {}, {3})).In(Const(s, {1}, {5})).In(x[0]).In(x[1]).Outs();
  }));
  for (const bool keep : {false, true}) {
    for (const std::vector<int32_t>& axes : {std::vector<int32_t>{0}, {-1}, {0, 1}}) {
      cases.push_back(Case("SparseReduceSum_" + std::to_string(cases.size()), {{4}},
                           [=](graph::Scope& s, const Tensors& x) {
                             return s.Op("SparseReduceSum")
                                 .In(Where(s))
                                 .In(x[0])
                                 .In(Whole(s))
                                 .In(s.Const(axes))
                                 .AttrBool("keep_dims", keep)
                                 .Outs();
                           }));
    }
  }
  cases.push_back(Case("SparseReorder", {{4}}, [](graph::Scope& s, const Tensors& x) {
    const TF_Output where = Const(s, {4, 2}, {2, 0, 0, 3, 1, 2, 0, 1});
    return s.Op("SparseReorder").In(where).In(x[0]).In(Whole(s)).Outs();
  }));
  cases.push_back(Case("SparseAdd", {{4}, {2}}, [](graph::Scope& s, const Tensors& x) {
    return s.Op("SparseAdd")
        .In(Where(s))
        .In(x[0])
        .In(Whole(s))
        .In(Const(s, {2, 2}, {0, 0, 0, 3}))
        .In(x[1])
        .In(Whole(s))
        .In(s.Scalar(TF_DOUBLE, 0))
        .Outs();
  }));
  cases.push_back(Case("SparseSlice", {{4}}, [](graph::Scope& s, const Tensors& x) {
    return s.Op("SparseSlice")
        .In(Where(s))
        .In(x[0])
        .In(Whole(s))
        .In(Const(s, {2}, {0, 1}))
        .In(Const(s, {2}, {2, 3}))
        .Outs();
  }));
  cases.push_back(Case("SparseFillEmptyRows", {{2}, {}}, [](graph::Scope& s, const Tensors& x) {
    const TF_Output where = Const(s, {2, 2}, {0, 1, 2, 0});
    return s.Op("SparseFillEmptyRows").In(where).In(x[0]).In(Whole(s)).In(x[1]).Outs();
  }));
  cases.push_back(Case("SparseSoftmax", {{4}}, [](graph::Scope& s, const Tensors& x) {
    return s.Op("SparseSoftmax").In(Where(s)).In(x[0]).In(Whole(s)).Outs();
  }));
  for (const char* type : {"SparseDenseCwiseMul", "SparseDenseCwiseDiv"}) {
    for (const auto& shape : std::vector<std::vector<int64_t>>{{3, 4}, {4}, {3, 1}}) {
      cases.push_back(Case(std::string(type) + "_" + std::to_string(cases.size()), {{4}, shape},
                           [=](graph::Scope& s, const Tensors& x) {
                             return s.Op(type).In(Where(s)).In(x[0]).In(Whole(s)).In(x[1]).Outs();
                           }));
    }
  }
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      cases.push_back(OneOp(
          "SparseMatMul", {{{2, 2}}, {{2, 2}}},
          [=](graph::Scope&, graph::OpBuilder& op) {
            op.AttrBool("transpose_a", a).AttrBool("transpose_b", b);
          },
          std::to_string(a) + std::to_string(b)));
      cases.back().single = true;
    }
  }
  return cases;
}

class GradientOfSparse : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfSparse, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfSparse, ::testing::ValuesIn(SparseCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
