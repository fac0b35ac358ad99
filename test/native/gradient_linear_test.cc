#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

std::vector<GradientCase> LinearCases() {
  std::vector<GradientCase> cases;
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const std::vector<int64_t> a = ta ? std::vector<int64_t>{3, 2} : std::vector<int64_t>{2, 3};
      const std::vector<int64_t> b = tb ? std::vector<int64_t>{4, 3} : std::vector<int64_t>{3, 4};
      const std::string name = "_" + std::to_string(ta) + std::to_string(tb);
      cases.push_back(OneOp(
          "MatMul", {{a}, {b}},
          [=](graph::Scope&, graph::OpBuilder& op) {
            op.AttrBool("transpose_a", ta).AttrBool("transpose_b", tb);
          },
          name));
      const auto batched = [&](std::vector<int64_t> batch, const std::vector<int64_t>& matrix) {
        batch.insert(batch.end(), matrix.begin(), matrix.end());
        return Arg{batch};
      };
      const auto adjoint = [=](graph::Scope&, graph::OpBuilder& op) {
        op.AttrBool("adj_x", ta).AttrBool("adj_y", tb);
      };
      cases.push_back(OneOp("BatchMatMul", {batched({2}, a), batched({2}, b)}, adjoint, name));
      const std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> batches = {
          {{2}, {2}}, {{2}, {}}, {{}, {2}}, {{2, 1}, {3}}, {{1}, {2}}};
      for (size_t i = 0; i < batches.size(); ++i) {
        const std::string variant = name + "_" + std::to_string(i);
        const std::vector<Arg> args = {batched(batches[i].first, a), batched(batches[i].second, b)};
        cases.push_back(OneOp("BatchMatMulV2", args, adjoint, variant));
        if (i < 2) {
          cases.push_back(OneOp(
              "BatchMatMulV3", args,
              [=](graph::Scope& s, graph::OpBuilder& op) {
                adjoint(s, op);
                op.AttrType("Tout", TF_DOUBLE);
              },
              variant));
        }
      }
    }
  }

  cases.push_back(OneOp("BiasAdd", {{{2, 2, 2, 3}}, {{3}}}));
  cases.push_back(OneOp("BiasAdd", {{{2, 3}}, {{3}}}, nullptr, "OfRank2"));
  cases.push_back(OneOp(
      "BiasAdd", {{{2, 3, 2, 2}}, {{3}}},
      [](graph::Scope&, graph::OpBuilder& op) { op.AttrString("data_format", "NCHW"); }, "NCHW"));
  cases.push_back(OneOp("BiasAddV1", {{{2, 2, 3}}, {{3}}}));

  struct Equation {
    std::string text;
    std::vector<std::vector<int64_t>> shapes;
  };
  const std::vector<Equation> equations = {
      {"ab->ba", {{2, 3}}},
      {"abc->b", {{2, 3, 2}}},
      {"ab->", {{2, 3}}},
      {"...ab->...ba", {{2, 3, 2}}},
      {"...ab->b...", {{2, 3, 2}}},
      {"a...b->...", {{2, 3, 2}}},
      {"ab,bc->ac", {{2, 3}, {3, 4}}},
      {"ab,bc->ca", {{2, 3}, {3, 4}}},
      {"ab,ab->ab", {{2, 3}, {2, 3}}},
      {"ab,ab->", {{2, 3}, {2, 3}}},
      {"a,b->ab", {{2}, {3}}},
      {"ab,cd->ad", {{2, 3}, {2, 4}}},                    // labels that only one operand sums
      {"abc,cd->abd", {{2, 3, 2}, {2, 4}}},               // EinsumDense
      {"abc,cde->abde", {{2, 3, 2}, {2, 2, 3}}},          // attention's projections
      {"aecd,abcd->acbe", {{2, 3, 2, 2}, {2, 4, 2, 2}}},  // attention's scores
      {"acbe,aecd->abcd", {{2, 2, 3, 4}, {2, 4, 2, 2}}},
      {"...ab,bc->...ac", {{2, 2, 3}, {3, 2}}},
      {"ab,...bc->...ac", {{2, 3}, {2, 3, 2}}},
      {"...ab,...bc->...ac", {{2, 2, 3}, {2, 3, 2}}},
      {"...ab,...bc->...ac", {{2, 2, 3}, {1, 3, 2}}},  // ellipses that broadcast
      {"...ab,...bc->a...c", {{3, 1, 2, 3}, {2, 3, 2}}},
      {"a...b,b...c->...ca", {{2, 2, 3}, {3, 1, 2}}},
      {"...a,...a->...", {{2, 3}, {2, 3}}},
      {"...,...->...", {{2, 3}, {3}}},
      {"aa->a", {{3, 3}}},  // diagonals
      {"aa->", {{3, 3}}},
      {"aab->b", {{2, 2, 3}}},
      {"...aa->...a", {{2, 3, 3}}},
      {"a...a->...", {{3, 2, 3}}},
      {"a->aa", {{3}}},
      {"...a->...aa", {{2, 3}}},
      {"aab,b->a", {{2, 2, 3}, {3}}},
      {"aa,bb->ab", {{2, 2}, {3, 3}}},
      {"aa,ac->ca", {{2, 2}, {2, 3}}},
      {"...aab,...b->...a", {{2, 3, 3, 2}, {1, 2}}},
  };
  for (size_t i = 0; i < equations.size(); ++i) {
    GradientCase test;
    test.name = "Einsum_" + std::to_string(i);
    for (const auto& shape : equations[i].shapes) test.args.push_back({shape});
    test.build = [equation = equations[i].text](graph::Scope& s, const Tensors& x) {
      return s.Op("Einsum").InList(x).AttrString("equation", equation).Outs();
    };
    cases.push_back(test);
  }
  return cases;
}

class GradientOfLinear : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfLinear, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfLinear, ::testing::ValuesIn(LinearCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
