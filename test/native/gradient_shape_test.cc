#include <gtest/gtest.h>

#include "gradient_check.h"

namespace ke::test {

namespace {

using Ints = std::vector<int32_t>;

// Returns an (n, 2) int32 Const.
TF_Output Pairs(graph::Scope& s, const Ints& values) {
  return s.Const(tf::MakeTensor(TF_INT32, {static_cast<int64_t>(values.size()) / 2, 2}, values.data()).get());
}

Arg Fed(const std::vector<double>& values) {
  return {{static_cast<int64_t>(values.size())}, 0, 0, values, TF_INT32};
}

struct Masks {
  int begin = 0, end = 0, ellipsis = 0, new_axis = 0, shrink_axis = 0;
};

GradientCase StridedSlice(const std::string& name, const Ints& begin, const Ints& end, const Ints& strides,
                          const Masks& masks) {
  return {"StridedSlice" + name, {{{3, 4, 5}}}, [=](graph::Scope& s, const Tensors& x) {
            return s.Op("StridedSlice")
                .In(x[0])
                .In(s.Const(begin))
                .In(s.Const(end))
                .In(s.Const(strides))
                .AttrInt("begin_mask", masks.begin)
                .AttrInt("end_mask", masks.end)
                .AttrInt("ellipsis_mask", masks.ellipsis)
                .AttrInt("new_axis_mask", masks.new_axis)
                .AttrInt("shrink_axis_mask", masks.shrink_axis)
                .Outs();
          }};
}

void AddJoins(std::vector<GradientCase>* cases) {
  for (const int axis : {0, 1, -1}) {
    const std::string name = axis < 0 ? "Last" : std::to_string(axis);
    cases->push_back({"Pack" + name, {{{2, 3}}, {{2, 3}}, {{2, 3}}}, [=](graph::Scope& s, const Tensors& x) {
                        return s.Op("Pack").InList(x).AttrInt("axis", axis).Outs();
                      }});
    cases->push_back({"Unpack" + name, {{{3, 3}}}, [=](graph::Scope& s, const Tensors& x) {
                        return s.Op("Unpack").In(x[0]).AttrInt("num", 3).AttrInt("axis", axis).Outs();
                      }});
    std::vector<Arg> args = {{{2, 3, 2}}, {{2, 3, 2}}, {{2, 3, 2}}};
    args[1].shape[axis < 0 ? 2 : axis] = 4;
    cases->push_back({"ConcatV2_" + name, args, [=](graph::Scope& s, const Tensors& x) {
                        return s.Op("ConcatV2").InList(x).In(s.Const(axis)).Outs();
                      }});
    cases->push_back({"Split" + name, {{{4, 4, 4}}}, [=](graph::Scope& s, const Tensors& x) {
                        return s.Op("Split").In(s.Const(axis)).In(x[0]).AttrInt("num_split", 2).Outs();
                      }});
    cases->push_back({"SplitV" + name, {{{4, 4, 4}}}, [=](graph::Scope& s, const Tensors& x) {
                        return s.Op("SplitV")
                            .In(x[0])
                            .In(s.Const(Ints{1, 3}))
                            .In(s.Const(axis))
                            .AttrInt("num_split", 2)
                            .Outs();
                      }});
  }
  cases->push_back({"SplitUsedInPart", {{{4, 2}}}, [](graph::Scope& s, const Tensors& x) -> Tensors {
                      return {s.Op("Split").In(s.Const(0)).In(x[0]).AttrInt("num_split", 4).Out(2)};
                    }});
  for (const int axis : {0, 1}) {
    std::vector<Arg> args = {{{2, 3}}, {{2, 3}}};
    args[1].shape[axis] = 4;
    cases->push_back({"Concat" + std::to_string(axis), args, [=](graph::Scope& s, const Tensors& x) {
                        return s.Op("Concat").In(s.Const(axis)).InList(x).Outs();
                      }});
  }
  cases->push_back({"ConcatV2OfOneTwice", {{{2, 2}}, {{2, 3}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("ConcatV2").InList({x[0], x[1], x[0]}).In(s.Const(1)).Outs();
                    }});
}

void AddReshapes(std::vector<GradientCase>* cases) {
  cases->push_back({"Reshape", {{{2, 3, 4}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("Reshape").In(x[0]).In(s.Const(Ints{-1, 4})).Outs();
                    }});
  cases->push_back(OneOp("Squeeze", {{{2, 1, 3, 1}, -2, 2, {}, TF_DOUBLE, {1, 3}}}));
  cases->push_back({"ExpandDims", {{{2, 3}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("ExpandDims").In(x[0]).In(s.Const(-2)).Outs();
                    }});
  cases->push_back({"Transpose", {{{2, 3, 4}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("Transpose").In(x[0]).In(s.Const(Ints{2, 0, 1})).Outs();
                    }});
  cases->push_back({"TransposeFed", {{{2, 3, 4}}, Fed({2, 0, 1})}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("Transpose").In(x[0]).In(x[1]).Outs();
                    }});
  cases->push_back({"Tile", {{{2, 3}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("Tile").In(x[0]).In(s.Const(Ints{3, 2})).Outs();
                    }});
  cases->push_back({"BroadcastTo", {{{3, 1}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("BroadcastTo").In(x[0]).In(s.Const(Ints{2, 3, 4})).Outs();
                    }});
  cases->push_back({"Fill", {{{}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("Fill").In(s.Const(Ints{2, 3})).In(x[0]).Outs();
                    }});
  cases->push_back({"ReverseV2", {{{2, 3, 2}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("ReverseV2").In(x[0]).In(s.Const(Ints{1, -1})).Outs();
                    }});
  cases->push_back({"Roll", {{{3, 4}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("Roll").In(x[0]).In(s.Const(Ints{1, -2})).In(s.Const(Ints{0, 1})).Outs();
                    }});
  cases->push_back({"ReverseSequence", {{{2, 3, 2}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("ReverseSequence")
                          .In(x[0])
                          .In(s.Const(Ints{3, 2}))
                          .AttrInt("seq_dim", 1)
                          .AttrInt("batch_dim", 0)
                          .Outs();
                    }});
  cases->push_back({"Reverse", {{{2, 3}}}, [](graph::Scope& s, const Tensors& x) {
                      const TF_Output flags =
                          s.Op("Cast").In(s.Const(Ints{0, 1})).AttrType("DstT", TF_BOOL).Out();
                      return s.Op("Reverse").In(x[0]).In(flags).Outs();
                    }});
}

void AddCuts(std::vector<GradientCase>* cases) {
  cases->push_back({"Pad", {{{2, 3}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("Pad").In(x[0]).In(Pairs(s, {1, 2, 0, 1})).Outs();
                    }});
  cases->push_back({"PadV2", {{{2, 3}}, {{}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("PadV2").In(x[0]).In(Pairs(s, {1, 0, 0, 2})).In(x[1]).Outs();
                    }});
  for (const char* mode : {"REFLECT", "SYMMETRIC"}) {
    cases->push_back(
        {std::string("MirrorPad") + mode, {{{3, 4}}}, [=](graph::Scope& s, const Tensors& x) {
           return s.Op("MirrorPad").In(x[0]).In(Pairs(s, {1, 2, 0, 3})).AttrString("mode", mode).Outs();
         }});
  }
  cases->push_back({"Slice", {{{3, 4}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("Slice").In(x[0]).In(s.Const(Ints{1, 0})).In(s.Const(Ints{-1, 2})).Outs();
                    }});
  cases->push_back({"SliceFed", {{{3, 4}}, Fed({1, 1})}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("Slice").In(x[0]).In(x[1]).In(s.Const(Ints{2, 2})).Outs();
                    }});
  cases->push_back(StridedSlice("", {0, 1, 4}, {3, 4, 0}, {2, 1, -2}, {}));
  cases->push_back(StridedSlice("BeginEnd", {2, 1, 3}, {1, 3, 1}, {1, 2, -1}, {.begin = 1, .end = 5}));
  cases->push_back(StridedSlice("Ellipsis", {0, 1}, {0, 3}, {1, 1}, {.ellipsis = 1}));
  cases->push_back(StridedSlice("NewAxis", {0, 0, 1}, {1, 0, 3}, {1, 1, 1}, {.ellipsis = 2, .new_axis = 1}));
  cases->push_back(StridedSlice("Shrink", {0, -1}, {3, 0}, {1, 1}, {.shrink_axis = 2}));
  cases->push_back({"StridedSliceGrad", {{{2, 2}}}, [](graph::Scope& s, const Tensors& x) {
                      return s.Op("StridedSliceGrad")
                          .In(s.Const(Ints{4, 3}))
                          .In(s.Const(Ints{1, 0}))
                          .In(s.Const(Ints{4, 2}))
                          .In(s.Const(Ints{2, 1}))
                          .In(x[0])
                          .Outs();
                    }});
}

void AddBlocks(std::vector<GradientCase>* cases) {
  cases->push_back({"SpaceToBatchND", {{{2, 3, 4, 2}}}, [](graph::Scope& s, const Tensors& x) {
                      const TF_Output block = s.Const(Ints{2, 2});
                      return s.Op("SpaceToBatchND").In(x[0]).In(block).In(Pairs(s, {1, 0, 0, 2})).Outs();
                    }});
  cases->push_back({"BatchToSpaceND", {{{4, 2, 3, 1}}}, [](graph::Scope& s, const Tensors& x) {
                      const TF_Output block = s.Const(Ints{2, 2});
                      return s.Op("BatchToSpaceND").In(x[0]).In(block).In(Pairs(s, {1, 0, 0, 2})).Outs();
                    }});
  cases->push_back({"SpaceToBatch", {{{2, 3, 4, 2}}}, [](graph::Scope& s, const Tensors& x) {
                      const TF_Output paddings = Pairs(s, {1, 0, 0, 2});
                      return s.Op("SpaceToBatch").In(x[0]).In(paddings).AttrInt("block_size", 2).Outs();
                    }});
  cases->push_back({"BatchToSpace", {{{4, 2, 3, 1}}}, [](graph::Scope& s, const Tensors& x) {
                      const TF_Output crops = Pairs(s, {1, 0, 0, 2});
                      return s.Op("BatchToSpace").In(x[0]).In(crops).AttrInt("block_size", 2).Outs();
                    }});
  const auto block = [](graph::Scope&, graph::OpBuilder& op) { op.AttrInt("block_size", 2); };
  cases->push_back(OneOp("SpaceToDepth", {{{2, 4, 2, 3}}}, block));
  cases->push_back(OneOp("DepthToSpace", {{{2, 2, 1, 8}}}, block));
}

void AddSelects(std::vector<GradientCase>* cases) {
  const Arg mask = {{2, 3}, 0, 0, {1, 0, 0, 1, 1, 0}, TF_BOOL};
  const Arg rows = {{2}, 0, 0, {0, 1}, TF_BOOL};
  cases->push_back(OneOp("Select", {mask, {{2, 3}}, {{2, 3}}}));
  cases->push_back(OneOp("Select", {rows, {{2, 3}}, {{2, 3}}}, nullptr, "Rows"));
  cases->push_back(OneOp("SelectV2", {mask, {{2, 3}}, {{2, 3}}}));
  cases->push_back(OneOp("SelectV2", {mask, {{3}}, {{2, 1}}}, nullptr, "Broadcast"));
  cases->push_back(OneOp("SelectV2", {{{2, 1}, 0, 0, {1, 0}, TF_BOOL}, {{}}, {{4, 1, 3}}}, nullptr, "Wider"));
}

}  // namespace

std::vector<GradientCase> ShapeCases() {
  std::vector<GradientCase> cases;
  AddJoins(&cases);
  AddReshapes(&cases);
  AddCuts(&cases);
  AddBlocks(&cases);
  AddSelects(&cases);
  return cases;
}

class GradientOfShape : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfShape, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfShape, ::testing::ValuesIn(ShapeCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace ke::test
