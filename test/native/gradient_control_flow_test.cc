// The gradients of loops, branches and TensorLists.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string_view>

#include "control/while_loop.h"
#include "gradient/tape.h"
#include "gradient_check.h"
#include "run_graph.h"
#include "tensorflow/read_graph.h"
#include "trace/loop.h"
#include "wire/write_proto.h"

namespace ke::test {
namespace {

using graph::Scope;
using graph::Shape;
using Build = std::function<Tensors(Scope& s, const Tensors& x)>;

const Shape kScalar = Shape::Of({});

TF_Output Binary(Scope& s, const char* type, TF_Output a, TF_Output b) {
  return s.Op(type).In(a).In(b).Out();
}
TF_Output Unary(Scope& s, const char* type, TF_Output x) { return s.Op(type).In(x).Out(); }
TF_Output Sum(Scope& s, TF_Output x) { return s.Op("Sum").In(x).In(s.Const(std::vector<int32_t>{0})).Out(); }

Tensors Arguments(Scope& s, Scope* body, const Tensors& initial) {
  Tensors arguments;
  for (const TF_Output& tensor : initial) {
    arguments.push_back(body->Placeholder(Scope::GetDType(tensor), s.GetShape(tensor), "variable"));
  }
  return arguments;
}

// A While over `initial`.
Tensors Loop(Scope& s, const Tensors& initial,
             const std::function<TF_Output(Scope& s, const Tensors&)>& goes_on, const Build& turn) {
  Scope condition(&s);
  Scope body(&s);
  const Tensors asked = Arguments(s, &condition, initial);
  const Tensors arguments = Arguments(s, &body, initial);
  const TF_Output more = goes_on(condition, asked);
  const Tensors next = turn(body, arguments);
  return control::AddWhile(&s, &condition, asked, more, &body, arguments, next, initial, {});
}

// A StatelessWhile over `initial`, as TensorFlow makes of loops without side effects. The bodies capture
// nothing.
Tensors StatelessLoop(Scope& s, const Tensors& initial,
                      const std::function<TF_Output(Scope& s, const Tensors&)>& goes_on, const Build& turn) {
  const auto close = [&](const std::string& prefix, const Build& build) {
    Scope body(&s);
    const Tensors own = Arguments(s, &body, initial);
    const std::string name = s.root().UniqueName(prefix);
    body.CloseInto(name, own, build(body, own));
    return name;
  };
  const std::string condition =
      close("test_condition", [&](Scope& c, const Tensors& v) { return Tensors{goes_on(c, v)}; });
  const std::string body = close("test_body", turn);
  std::vector<TF_DataType> dtypes;
  for (const TF_Output& tensor : initial) dtypes.push_back(Scope::GetDType(tensor));
  graph::OpBuilder op = s.Op("StatelessWhile");
  op.InList(initial).AttrTypes("T", dtypes).AttrFunction("cond", condition).AttrFunction("body", body);
  return op.AttrBool("_lower_using_switch_merge", true).Outs();
}

// A While of `turns` turns over an int32 counter and `initial`. Returns the final values without the counter.
Tensors CountedLoop(Scope& s, int turns, const Tensors& initial, const Build& turn) {
  Tensors all = {s.Const(0)};
  all.insert(all.end(), initial.begin(), initial.end());
  Tensors final = Loop(
      s, all, [turns](Scope& c, const Tensors& v) { return Binary(c, "Less", v[0], c.Const(turns)); },
      [&](Scope& b, const Tensors& v) {
        Tensors next = turn(b, v);
        next.insert(next.begin(), Binary(b, "AddV2", v[0], b.Const(1)));
        return next;
      });
  final.erase(final.begin());
  return final;
}

// An op that runs one of several functions of `arguments`, which all return tensors of `dtypes`.
Tensors Branches(Scope& s, const std::string& type, TF_Output selector, const Tensors& arguments,
                 const std::vector<Build>& branches, const std::vector<TF_DataType>& dtypes) {
  std::vector<std::string> names;
  for (const Build& branch : branches) {
    Scope body(&s);
    const Tensors own = Arguments(s, &body, arguments);
    names.push_back(s.root().UniqueName("test_branch"));
    body.CloseInto(names.back(), own, branch(body, own));
  }
  graph::OpBuilder op = s.Op(type);
  op.In(selector).InList(arguments).AttrTypes("Tout", dtypes).AttrBool("_lower_using_switch_merge", true);
  if (type.ends_with("Case")) {
    op.AttrProto("branches", graph::FunctionsAttr(names));
  } else {
    op.AttrFunction("then_branch", names[0]).AttrFunction("else_branch", names[1]);
  }
  return op.Outs();
}

TF_Output ElementShape(Scope& s, TF_Output stacked) {
  const Shape shape = s.GetShape(stacked);
  if (!shape.known_rank) return s.Const(-1);
  return s.Const(std::vector<int32_t>(shape.dims.begin() + 1, shape.dims.end()));
}
TF_Output ListOf(Scope& s, TF_Output x) {
  return s.Op("TensorListFromTensor").In(x).In(ElementShape(s, x)).Out();
}
TF_Output Reserve(Scope& s, TF_Output count, TF_DataType dtype = TF_DOUBLE) {
  return s.Op("TensorListReserve").In(s.Const(-1)).In(count).AttrType("element_dtype", dtype).Out();
}
TF_Output Stack(Scope& s, TF_Output list) {
  return s.Op("TensorListStack").In(list).In(s.Const(-1)).AttrType("element_dtype", TF_DOUBLE).Out();
}
TF_Output Get(Scope& s, TF_Output list, TF_Output i) {
  return s.Op("TensorListGetItem").In(list).In(i).In(s.Const(-1)).AttrType("element_dtype", TF_DOUBLE).Out();
}
TF_Output Set(Scope& s, TF_Output list, TF_Output i, TF_Output value) {
  return s.Op("TensorListSetItem").In(list).In(i).In(value).Out();
}
TF_Output Ints(Scope& s, const std::vector<int32_t>& values) { return s.Const(values); }

// A recurrent layer over the first axis of x[0] (turns, batch, 2), with a state x[1] and a kernel x[2].
// Returns the stacked states and the last state.
Tensors Recurrent(Scope& s, const Tensors& x, const Build& cell) {
  const TF_Output list = ListOf(s, x[0]);
  const TF_Output length = Unary(s, "TensorListLength", list);
  const Tensors initial = {s.Const(0), length, list, Reserve(s, length), x[1], x[2]};
  const Tensors final = Loop(
      s, initial, [](Scope& c, const Tensors& v) { return Binary(c, "Less", v[0], v[1]); },
      [&](Scope& b, const Tensors& v) {
        const TF_Output state = cell(b, {Get(b, v[2], v[0]), v[4], v[5]})[0];
        return Tensors{
            Binary(b, "AddV2", v[0], b.Const(1)), v[1], v[2], Set(b, v[3], v[0], state), state, v[5]};
      });
  return {Stack(s, final[3]), final[4]};
}

Tensors TanhCell(Scope& b, const Tensors& v) {
  return {Unary(b, "Tanh", Binary(b, "AddV2", v[0], Binary(b, "MatMul", v[1], v[2])))};
}

GradientCase Case(const std::string& name, std::vector<Arg> args, const Build& build) {
  GradientCase test;
  test.name = name;
  test.args = std::move(args);
  test.build = build;
  return test;
}

// Splits the rows of an arg into a list of elements of 2, 1 and 2 rows, changes an element, and joins the
// list.
GradientCase ConcatCase(const std::string& type, const std::function<void(graph::OpBuilder&, Scope&)>& more) {
  return Case(type, {Arg{{5, 2}, -2, 2, {}, TF_DOUBLE, {0, 1}}}, [=](Scope& s, const Tensors& x) {
    const TF_Output lengths = s.Op("Cast").In(Ints(s, {2, 1, 2})).AttrType("DstT", TF_INT64).Out();
    TF_Output list = s.Op("TensorListSplit").In(x[0]).In(Ints(s, {-1, 2})).In(lengths).Out();
    list = Set(s, list, s.Const(0), Unary(s, "Square", Get(s, list, s.Const(2))));
    graph::OpBuilder concat = s.Op(type);
    concat.In(list).AttrType("element_dtype", TF_DOUBLE);
    more(concat, s);
    return Tensors{Unary(s, "Square", concat.Out())};
  });
}

std::vector<GradientCase> ListCases() {
  const Arg rows{{3, 2}};
  return {
      Case("TensorListGetItem", {rows},
           [](Scope& s, const Tensors& x) {
             const TF_Output list = ListOf(s, x[0]);
             const TF_Output once = Get(s, list, s.Const(1));
             return Tensors{Binary(s, "Mul", once, Get(s, list, s.Const(2))), Unary(s, "Square", once)};
           }),
      Case("TensorListSetItem", {rows, Arg{{2}}},
           [](Scope& s, const Tensors& x) {
             return Tensors{Unary(s, "Square", Stack(s, Set(s, ListOf(s, x[0]), s.Const(1), x[1])))};
           }),
      Case("TensorListSetItemOverwrites", {Arg{{2}}, Arg{{2}}},
           [](Scope& s, const Tensors& x) {
             TF_Output list = Reserve(s, s.Const(2));
             for (const int at : {0, 1, 0}) list = Set(s, list, s.Const(at), x[at == 1 ? 1 : 0]);
             list = Set(s, list, s.Const(0), Binary(s, "Mul", Get(s, list, s.Const(0)), x[1]));
             return Tensors{Unary(s, "Square", Stack(s, list))};
           }),
      Case("TensorListPushBack", {Arg{{2}}, Arg{{2}}},
           [](Scope& s, const Tensors& x) {
             TF_Output list = s.Op("EmptyTensorList")
                                  .In(s.Const(-1))
                                  .In(s.Const(-1))
                                  .AttrType("element_dtype", TF_DOUBLE)
                                  .Out();
             for (const int at : {0, 1, 0}) list = Binary(s, "TensorListPushBack", list, x[at]);
             return Tensors{Unary(s, "Square", Stack(s, list))};
           }),
      Case("TensorListPopBack", {rows},
           [](Scope& s, const Tensors& x) {
             const Tensors popped = s.Op("TensorListPopBack")
                                        .In(ListOf(s, x[0]))
                                        .In(s.Const(-1))
                                        .AttrType("element_dtype", TF_DOUBLE)
                                        .Outs();
             return Tensors{Unary(s, "Square", popped[1]), Stack(s, popped[0])};
           }),
      Case("TensorListPopBackOfTheListAlone", {rows},
           [](Scope& s, const Tensors& x) {
             const Tensors popped = s.Op("TensorListPopBack")
                                        .In(ListOf(s, x[0]))
                                        .In(s.Const(-1))
                                        .AttrType("element_dtype", TF_DOUBLE)
                                        .Outs();
             return Tensors{Unary(s, "Square", Stack(s, popped[0]))};
           }),
      Case("TensorListResize", {rows},
           [](Scope& s, const Tensors& x) {
             return Tensors{
                 Unary(s, "Square", Stack(s, Binary(s, "TensorListResize", ListOf(s, x[0]), s.Const(2))))};
           }),
      Case("TensorListGatherOfRepeatedIndices", {rows},
           [](Scope& s, const Tensors& x) {
             return Tensors{Unary(s, "Square",
                                  s.Op("TensorListGather")
                                      .In(ListOf(s, x[0]))
                                      .In(Ints(s, {2, 0, 2}))
                                      .In(s.Const(-1))
                                      .AttrType("element_dtype", TF_DOUBLE)
                                      .Out())};
           }),
      Case("TensorListScatter", {rows},
           [](Scope& s, const Tensors& x) {
             const TF_Output list =
                 s.Op("TensorListScatter").In(x[0]).In(Ints(s, {2, 0, 1})).In(s.Const(-1)).Out();
             return Tensors{Unary(s, "Square", Stack(s, list))};
           }),
      Case("TensorListScatterV2", {rows},
           [](Scope& s, const Tensors& x) {
             const TF_Output list = s.Op("TensorListScatterV2")
                                        .In(x[0])
                                        .In(Ints(s, {2, 0, 1}))
                                        .In(s.Const(-1))
                                        .In(s.Const(-1))
                                        .Out();
             return Tensors{Unary(s, "Square", Stack(s, list))};
           }),
      Case(
          "TensorListScatterIntoExistingList", {rows, Arg{{1, 2}}},
          [](Scope& s, const Tensors& x) {
            const TF_Output list =
                s.Op("TensorListScatterIntoExistingList").In(ListOf(s, x[0])).In(x[1]).In(Ints(s, {1})).Out();
            return Tensors{Unary(s, "Square", Stack(s, list))};
          }),
      ConcatCase("TensorListConcat",
                 [](graph::OpBuilder& op, Scope&) { op.AttrShape("element_shape", Shape::Of({-1, 2})); }),
      ConcatCase("TensorListConcatV2",
                 [](graph::OpBuilder& op, Scope& s) {
                   op.In(Ints(s, {-1, 2})).In(s.Op("Cast").In(Ints(s, {})).AttrType("DstT", TF_INT64).Out());
                 }),
  };
}

std::vector<GradientCase> LoopCases() {
  const Arg vector{{3}, 0.5, 1.5};
  const Arg sequence{{4, 3, 2}, -1, 1, {}, TF_DOUBLE, {2}};
  const Arg state{{3, 2}, -1, 1, {}, TF_DOUBLE, {1}};
  const Arg kernel{{2, 2}, -1, 1, {}, TF_DOUBLE, {0, 1}};
  return {
      Case("WhilePower", {vector, vector},
           [](Scope& s, const Tensors& x) {
             return CountedLoop(s, 3, {x[0], x[1]}, [](Scope& b, const Tensors& v) {
               return Tensors{Binary(b, "Mul", v[1], v[2]), v[2]};
             });
           }),
      Case("WhileOfCaptures", {vector, vector},
           [](Scope& s, const Tensors& x) {
             return CountedLoop(s, 3, {x[0]}, [&](Scope& b, const Tensors& v) {
               return Tensors{Binary(b, "Mul", v[1], Unary(b, "Sin", b.Import(x[1])))};
             });
           }),
      Case("WhileOfNoTurn", {vector, vector},
           [](Scope& s, const Tensors& x) {
             return CountedLoop(s, 0, {x[0], x[1]}, [](Scope& b, const Tensors& v) {
               return Tensors{Binary(b, "Mul", v[1], v[2]), v[2]};
             });
           }),
      Case("WhileUntilAValue", {Arg{{3}, 0, 0, {1, 0.5, 1.2}}, Arg{{3}, 0, 0, {1.5, 1.7, 1.3}}},
           [](Scope& s, const Tensors& x) {
             return Loop(
                 s, {x[0], x[1]},
                 [](Scope& c, const Tensors& v) {
                   return Binary(c, "Less", Sum(c, v[0]), c.Scalar(TF_DOUBLE, 10));
                 },
                 [](Scope& b, const Tensors& v) { return Tensors{Binary(b, "Mul", v[0], v[1]), v[1]}; });
           }),
      Case("StatelessWhile", {Arg{{3}, 0, 0, {1, 0.5, 1.2}}, Arg{{3}, 0, 0, {1.5, 1.7, 1.3}}},
           [](Scope& s, const Tensors& x) {
             return StatelessLoop(
                 s, {x[0], x[1]},
                 [](Scope& c, const Tensors& v) {
                   return Binary(c, "Less", Sum(c, v[0]), c.Scalar(TF_DOUBLE, 10));
                 },
                 [](Scope& b, const Tensors& v) { return Tensors{Binary(b, "Mul", v[0], v[1]), v[1]}; });
           }),
      Case("WhileSwaps", {vector, vector},
           [](Scope& s, const Tensors& x) {
             return CountedLoop(s, 3, {x[0], x[1]}, [](Scope& b, const Tensors& v) {
               return Tensors{v[2], Binary(b, "Mul", v[1], v[2])};
             });
           }),
      Case("WhileOfOneTensorTwice", {vector},
           [](Scope& s, const Tensors& x) {
             return CountedLoop(s, 2, {x[0], x[0], x[0]}, [](Scope& b, const Tensors& v) {
               return Tensors{Binary(b, "Mul", v[1], Binary(b, "AddV2", v[2], Unary(b, "Exp", v[3]))), v[2],
                              v[3]};
             });
           }),
      Case("WhileForgets", {vector, vector},
           [](Scope& s, const Tensors& x) {
             // The second variable is replaced by a value that does not depend on any variable.
             return CountedLoop(s, 2, {x[0], x[1]}, [&](Scope& b, const Tensors& v) {
               return Tensors{Binary(b, "Mul", v[1], v[2]), Unary(b, "ZerosLike", v[2])};
             });
           }),
      Case("WhileOfAGrowingVariable", {vector},
           [](Scope& s, const Tensors& x) {
             const TF_Output start =
                 s.Op("PlaceholderWithDefault").In(x[0]).AttrShape("shape", Shape::Of({-1})).Out();
             return CountedLoop(s, 2, {start}, [](Scope& b, const Tensors& v) {
               return Tensors{b.Op("ConcatV2").InList({v[1], Unary(b, "Square", v[1])}).In(b.Const(0)).Out()};
             });
           }),
      Case("WhileOfWhile", {vector, vector},
           [](Scope& s, const Tensors& x) {
             return CountedLoop(s, 2, {x[0], x[1]}, [](Scope& b, const Tensors& v) {
               const Tensors inner = CountedLoop(b, 2, {v[1]}, [&](Scope& c, const Tensors& u) {
                 return Tensors{Binary(c, "Mul", Unary(c, "Sin", u[1]), c.Import(v[2]))};
               });
               return Tensors{Binary(b, "AddV2", inner[0], v[1]), v[2]};
             });
           }),
      Case("WhileOfIf", {vector, vector},
           [](Scope& s, const Tensors& x) {
             return CountedLoop(s, 3, {x[0], x[1]}, [](Scope& b, const Tensors& v) {
               const TF_Output even = Binary(b, "Equal", Binary(b, "FloorMod", v[0], b.Const(2)), b.Const(0));
               const Tensors chosen =
                   Branches(b, "StatelessIf", even, {v[1], v[2]},
                            {[](Scope& t, const Tensors& u) { return Tensors{Binary(t, "Mul", u[0], u[1])}; },
                             [](Scope& t, const Tensors& u) { return Tensors{Unary(t, "Sin", u[0])}; }},
                            {TF_DOUBLE});
               return Tensors{chosen[0], v[2]};
             });
           }),
      Case("WhileOfLists", {sequence, state, kernel},
           [](Scope& s, const Tensors& x) { return Recurrent(s, x, TanhCell); }),
      Case("WhileReadsTheListThatItWrites", {vector, vector},
           [](Scope& s, const Tensors& x) {
             const TF_Output list = Set(s, Reserve(s, s.Const(4)), s.Const(0), x[0]);
             const Tensors final = CountedLoop(s, 3, {list, x[1]}, [](Scope& b, const Tensors& v) {
               const TF_Output last = Get(b, v[1], v[0]);
               const TF_Output next = Binary(b, "Mul", Unary(b, "Sin", last), v[2]);
               return Tensors{Set(b, v[1], Binary(b, "AddV2", v[0], b.Const(1)), next), v[2]};
             });
             return Tensors{Stack(s, final[0])};
           }),
  };
}

std::vector<GradientCase> BranchCases() {
  const Arg vector{{3}, 0.5, 1.5};
  const auto product = [](Scope& t, const Tensors& u) {
    return Tensors{Binary(t, "Mul", u[0], u[1]), Unary(t, "Exp", u[0])};
  };
  const auto first = [](Scope& t, const Tensors& u) { return Tensors{Unary(t, "Sin", u[0]), u[0]}; };
  const auto second = [](Scope& t, const Tensors& u) { return Tensors{u[1], Unary(t, "Square", u[1])}; };
  const auto branch = [=](const std::string& type, int selector, const std::vector<Build>& branches) {
    return Case(type + std::to_string(selector), {vector, vector}, [=](Scope& s, const Tensors& x) {
      TF_Output at = s.Const(selector);
      if (type.ends_with("If")) at = s.Op("Cast").In(at).AttrType("DstT", TF_BOOL).Out();
      return Branches(s, type, at, x, branches, {TF_DOUBLE, TF_DOUBLE});
    });
  };
  return {branch("If", 0, {product, first}),           branch("If", 1, {product, first}),
          branch("StatelessIf", 1, {second, first}),   branch("Case", 0, {product, first, second}),
          branch("Case", 2, {product, first, second}), branch("StatelessCase", 1, {product, first, second})};
}

}  // namespace

std::vector<GradientCase> ControlFlowCases() {
  std::vector<GradientCase> all = ListCases();
  for (auto& table : {LoopCases(), BranchCases()}) all.insert(all.end(), table.begin(), table.end());
  return all;
}

namespace {

class GradientOfControlFlow : public ::testing::TestWithParam<GradientCase> {};
TEST_P(GradientOfControlFlow, EqualsFiniteDifferences) { CheckGradient(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, GradientOfControlFlow, ::testing::ValuesIn(ControlFlowCases()),
                         [](const auto& info) { return info.param.name; });

// A vector that is fed, and gradients by the vector.
class ControlFlow : public ::testing::Test {
 protected:
  explicit ControlFlow(std::vector<double> value = {0.5, 1.5})
      : x(s.Placeholder(TF_DOUBLE, Shape::Of({2}), "x")), fed(MakeTensor(TF_DOUBLE, {2}, value)) {}

  TF_Output Gradient(TF_Output y, TF_Output by, const gradient::Options& options = {}) {
    return gradient::Gradient(&s, &s, {y}, {by}, {}, options)[0];
  }
  std::vector<double> Run(TF_Output tensor) {
    return GraphRunner(s).RunOne({{x, fed.get()}}, s.Op("Identity").In(tensor).Out());
  }
  // Finishes the graph, and returns the values of the tensors.
  std::vector<std::vector<double>> Finished(const Tensors& tensors) {
    Tensors feeds = {x};
    Tensors fetches;
    for (const TF_Output& tensor : tensors) fetches.push_back(s.Op("Identity").In(tensor).Out());
    s.Finish(&feeds, &fetches);
    std::vector<std::vector<double>> values;
    for (const auto& value : GraphRunner(s).Run({{feeds[0], fed.get()}}, fetches)) {
      values.push_back(ToDoubles(value.get()));
    }
    return values;
  }
  int CountLoops() const {
    int count = 0;
    size_t position = 0;
    while (TF_Operation* op = tf::C().TF_GraphNextOperation(s.graph(), &position)) {
      count += std::string_view(tf::C().TF_OperationOpType(op)) == "While" ? 1 : 0;
    }
    return count;
  }

  Scope s;
  const TF_Output x;
  const tf::TensorPtr fed;
};

Tensors Cubed(Scope& s, TF_Output x) {
  return CountedLoop(s, 2, {x, x},
                     [](Scope& b, const Tensors& v) { return Tensors{Binary(b, "Mul", v[1], v[2]), v[2]}; });
}

TEST_F(ControlFlow, RunsTheForwardLoopOnceForAllGradients) {
  const TF_Output y = Cubed(s, x)[0];
  const TF_Output first = Gradient(y, x);
  const TF_Output second = Gradient(s.Op("Square").In(y).Out(), x);
  const auto values = Finished({y, first, second});
  EXPECT_EQ(CountLoops(), 3);  // one forward, and one backward per gradient
  EXPECT_EQ(values[0], (std::vector<double>{0.125, 3.375}));
  EXPECT_EQ(values[1], (std::vector<double>{0.75, 6.75}));
  EXPECT_EQ(values[2], (std::vector<double>{6 * std::pow(0.5, 5), 6 * std::pow(1.5, 5)}));
}

TEST_F(ControlFlow, StacksFurtherVariablesForALaterGradient) {
  // The gradient by the first variable reads the second, and the other way round.
  const TF_Output other = s.Op("Exp").In(x).Out();
  const TF_Output y = CountedLoop(s, 2, {x, other}, [](Scope& b, const Tensors& v) {
    return Tensors{Binary(b, "Mul", v[1], v[2]), Binary(b, "Add", v[2], b.Scalar(TF_DOUBLE, 1))};
  })[0];
  const TF_Output by_x = gradient::Gradient(&s, &s, {y}, {x}, {s.Op("OnesLike").In(y).Out()}, {})[0];
  const TF_Output by_other = Gradient(y, other);
  const auto values = Finished({by_x, by_other});
  EXPECT_EQ(CountLoops(), 3);
  for (const size_t i : {0, 1}) {
    const double a = i == 0 ? 0.5 : 1.5;
    const double e = std::exp(a);
    EXPECT_NEAR(values[1][i], a * (2 * e + 1), 1e-12);
    EXPECT_NEAR(values[0][i], e * (e + 1) + a * (2 * e + 1) * e, 1e-12);
  }
}

TEST_F(ControlFlow, DifferentiatesAGradient) {
  const TF_Output first = Gradient(Cubed(s, x)[0], x);
  EXPECT_EQ(Run(Gradient(first, x)), (std::vector<double>{3, 9}));
}

TEST_F(ControlFlow, PassesThroughAStackingLoopWithOverlappingTurns) {
  s.AllowTurnsAtOnce(2);
  const TF_Output y = trace::AddStackingLoop(&s, s.Const(3), [&](Scope* body, TF_Output i) {
    const TF_Output factor = body->Op("Cast").In(i).AttrType("DstT", TF_DOUBLE).Out();
    return Binary(*body, "Mul", body->Op("Square").In(x).Out(), factor);
  });
  const auto values = Finished({y, Gradient(y, x)});
  EXPECT_EQ(values[0], (std::vector<double>{0, 0, 0.25, 2.25, 0.5, 4.5}));
  EXPECT_EQ(values[1], (std::vector<double>{3, 9}));
}

TEST_F(ControlFlow, AppliesOverridesInBodies) {
  const TF_Output y = CountedLoop(s, 1, {x}, [](Scope& b, const Tensors& v) {
    const TF_Output relu = b.Op("Relu").In(v[1]).Out();
    return Tensors{Binary(b, "Mul", relu, b.Scalar(TF_DOUBLE, -2))};
  })[0];
  EXPECT_EQ(Run(Gradient(y, x)), (std::vector<double>{-2, -2}));
  EXPECT_EQ(Run(Gradient(y, x, {{{"Relu", "guided"}}})), (std::vector<double>{0, 0}));
}

TEST_F(ControlFlow, RefusesAnOpOfABodyByItsName) {
  const Tensors y = CountedLoop(s, 2, {x}, [](Scope& b, const Tensors& v) {
    return Tensors{b.Op("PreventGradient", "layer/barrier").In(v[1]).AttrString("message", "not here").Out()};
  });
  try {
    Gradient(y[0], x);
    ADD_FAILURE() << "nothing was refused";
  } catch (const tf::Error& error) {
    EXPECT_EQ(error.code(), TF_UNIMPLEMENTED);
    EXPECT_NE(error.op().find("layer/barrier"), std::string::npos) << error.op();
  }
}

TEST_F(ControlFlow, RefusesRandomNumbersThatWouldBeDrawnAgain) {
  const auto loop = [&](const char* type) {
    return CountedLoop(s, 2, {x}, [&](Scope& b, const Tensors& v) {
      const TF_Output random =
          b.Op("RandomUniform").In(b.Const(std::vector<int32_t>{2})).AttrType("dtype", TF_DOUBLE).Out();
      return Tensors{Binary(b, type, v[1], random)};
    })[0];
  };
  try {
    Gradient(loop("Mul"), x);
    ADD_FAILURE() << "nothing was refused";
  } catch (const tf::Error& error) {
    EXPECT_EQ(error.code(), TF_UNIMPLEMENTED);
    EXPECT_NE(std::string(error.what()).find("draws random numbers"), std::string::npos) << error.what();
  }
  // The gradient of a sum does not read its terms.
  EXPECT_EQ(Run(Gradient(loop("AddV2"), x)), (std::vector<double>{1, 1}));
}

TEST_F(ControlFlow, LeavesOutBranchesWithoutAGradient) {
  const TF_Output condition = s.Op("Cast").In(s.Const(1)).AttrType("DstT", TF_BOOL).Out();
  const TF_Output y =
      Branches(s, "If", condition, {x},
               {[](Scope& b, const Tensors& v) { return Tensors{b.Op("ZerosLike").In(v[0]).Out()}; },
                [](Scope& b, const Tensors& v) { return Tensors{b.Op("Square").In(v[0]).Out()}; }},
               {TF_DOUBLE})[0];
  EXPECT_EQ(Run(Gradient(y, x)), (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace ke::test
