// Einsum of one or two operands.
//
// The gradient of an operand is an Einsum of dy and the other operand, onto the labels that dy or the other
// operand has. Labels that only the differentiated operand has were summed away: the gradient is constant
// along these labels. An ellipsis broadcasts: the gradient is summed over the axes that the broadcast added.
#include <algorithm>

#include "gradient/registry.h"

namespace ke::gradient {

namespace {

constexpr char kEllipsis = '*';  // one character stands for "..." in a Subscript
using Subscript = std::string;

std::string Spell(const Subscript& subscript) {
  std::string text;
  for (const char label : subscript) text += label == kEllipsis ? std::string("...") : std::string(1, label);
  return text;
}

bool Has(const Subscript& subscript, char label) { return subscript.find(label) != Subscript::npos; }
bool HasEllipsis(const Subscript& subscript) { return Has(subscript, kEllipsis); }

struct Equation {
  std::vector<Subscript> inputs;
  Subscript output;
};

Equation Parse(const RuleContext& c) {
  std::string text = c.AttrString("equation");
  for (size_t at = text.find("..."); at != std::string::npos; at = text.find("...")) {
    text.replace(at, 3, std::string(1, kEllipsis));
  }
  const size_t arrow = text.find("->");
  if (arrow == std::string::npos) c.Refuse("with an equation without '->'");
  Equation equation;
  equation.output = text.substr(arrow + 2);
  size_t begin = 0;
  while (begin <= arrow) {
    const size_t end = std::min(text.find(',', begin), arrow);
    equation.inputs.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return equation;
}

TF_Output Einsum(const Ops& t, const std::vector<TF_Output>& operands, const std::string& equation) {
  return t.Op("Einsum").InList(operands).AttrString("equation", equation).Out();
}

// Returns the number of axes for which the ellipsis of a tensor of `shape` stands.
int EllipsisRank(const RuleContext& c, const graph::Shape& shape, const Subscript& subscript) {
  if (!shape.known_rank) c.Refuse("with an ellipsis and an operand of unknown rank");
  return HasEllipsis(subscript) ? shape.rank() - static_cast<int>(subscript.size()) + 1 : 0;
}

std::vector<int64_t> EllipsisDims(const RuleContext& c, const graph::Shape& shape,
                                  const Subscript& subscript) {
  const int rank = EllipsisRank(c, shape, subscript);
  const auto begin = shape.dims.begin() + static_cast<int>(subscript.find(kEllipsis));
  return {begin, begin + rank};
}

// Returns whether the two ellipses certainly have the same axes, so that nothing was broadcast.
bool SameEllipsis(const RuleContext& c, int i, int other, const Equation& equation) {
  const auto own = EllipsisDims(c, c.InputShape(i), equation.inputs[i]);
  if (other < 0 || !HasEllipsis(equation.inputs[other])) return true;
  const auto others = EllipsisDims(c, c.InputShape(other), equation.inputs[other]);
  return own == others && std::count(own.begin(), own.end(), -1) == 0;
}

// The first axes of `gradient` are the ellipsis's axes, broadcast as in the output. The other axes are one
// per label. Sums the ellipsis's axes down to the axes of input i.
TF_Output UnbroadcastEllipsis(RuleContext& c, TF_Output gradient, size_t labels, int i,
                              const Equation& equation) {
  const Ops& t = c.ops();
  const Subscript& own = equation.inputs[i];
  const int out_rank = EllipsisRank(c, c.OutputShape(0), equation.output);
  const TF_Output shape = t.ShapeOf(gradient);
  const TF_Output out_dims = t.Slice(shape, t.Ints({0}), t.Ints({out_rank}));
  const TF_Output label_dims = labels == 0 ? t.Ints({}) : t.SliceVector(shape, out_rank, 0);
  TF_Output own_dims = t.Ints({});
  const int own_rank = EllipsisRank(c, c.InputShape(i), own);
  if (own_rank > 0) {
    const auto begin = static_cast<int>(own.find(kEllipsis));
    own_dims = t.Op("Slice").In(c.ShapeOfX(i)).In(t.Ints({begin})).In(t.Ints({own_rank})).Out();
  }
  const TF_Output axes = t.Binary("BroadcastGradientArgs", own_dims, out_dims);
  return t.Reshape(t.Binary("Sum", gradient, axes), t.Concat({own_dims, label_dims}, 0));
}

// Returns `subscript` with the first occurrence of each label.
Subscript Distinct(const Subscript& subscript) {
  Subscript distinct;
  for (const char label : subscript) {
    if (!Has(distinct, label)) distinct += label;
  }
  return distinct;
}

// Broadcasts a gradient along the labels of input i that `kept` lacks.
TF_Output AlongAll(RuleContext& c, TF_Output gradient, const Subscript& kept, int i,
                   const Equation& equation) {
  const Ops& t = c.ops();
  const Subscript& full = equation.inputs[i];
  const Subscript own = Distinct(full);
  if (kept == own) return gradient;
  const int ellipsis_rank = HasEllipsis(full) ? EllipsisRank(c, c.InputShape(i), full) : 1;
  std::vector<int32_t> axes;  // the axis of the input for each axis of the gradient
  for (const char label : own) {
    const auto at = static_cast<int32_t>(full.find(label));
    const bool after = HasEllipsis(full) && full.find(label) > full.find(kEllipsis);
    const int32_t first = after ? at + ellipsis_rank - 1 : at;
    if (!Has(kept, label)) gradient = t.ExpandDims(gradient, static_cast<int>(axes.size()));
    for (int32_t k = 0; k < (label == kEllipsis ? ellipsis_rank : 1); ++k) axes.push_back(first + k);
  }
  return t.Binary("BroadcastTo", gradient, t.Gather(c.ShapeOfX(i), t.Ints(axes)));
}

// Puts a gradient with each label of input i once on the diagonals of the repeated labels. All other
// elements are 0.
TF_Output OnDiagonal(RuleContext& c, TF_Output gradient, int i, const Equation& equation) {
  const Subscript own = Distinct(equation.inputs[i]);
  if (own == equation.inputs[i]) return gradient;
  return Einsum(c.ops(), {gradient}, Spell(own) + "->" + Spell(equation.inputs[i]));
}

void OperandGradient(RuleContext& c, int i, int other, const Equation& equation) {
  const Ops& t = c.ops();
  // A repeated label takes a diagonal. The gradient is computed for the diagonal, with each label once.
  const Subscript own = Distinct(equation.inputs[i]);
  const Subscript others = other >= 0 ? equation.inputs[other] : Subscript();
  Subscript kept;  // the labels that dy or the other operand has
  for (const char label : own) {
    if (label == kEllipsis || Has(equation.output, label) || Has(others, label)) kept += label;
  }

  std::vector<TF_Output> operands = {c.Dy()};
  std::string left = Spell(equation.output);
  if (other >= 0) {
    operands.push_back(c.forward_ops().Conj(c.Input(other)));
    left += "," + Spell(others);
  }
  TF_Output gradient;
  if (!HasEllipsis(equation.output) || (HasEllipsis(own) && SameEllipsis(c, i, other, equation))) {
    gradient = Einsum(t, operands, left + "->" + Spell(kept));
  } else {
    Subscript labels = kept;
    labels.erase(std::remove(labels.begin(), labels.end(), kEllipsis), labels.end());
    gradient = Einsum(t, operands, left + "->" + Spell(kEllipsis + labels));
    gradient = UnbroadcastEllipsis(c, gradient, labels.size(), i, equation);
    if (HasEllipsis(own) && kept[0] != kEllipsis) {
      gradient = Einsum(t, {gradient}, Spell(kEllipsis + labels) + "->" + Spell(kept));
    }
  }
  c.Set(i, OnDiagonal(c, AlongAll(c, gradient, kept, i, equation), i, equation));
}

void EinsumRule(RuleContext& c) {
  const Equation equation = Parse(c);
  if (equation.inputs.size() > 2) c.Refuse("of more than two operands");
  const bool any_ellipsis = std::any_of(equation.inputs.begin(), equation.inputs.end(), HasEllipsis);
  if (any_ellipsis && !HasEllipsis(equation.output)) c.Refuse("that sums over an ellipsis");
  const bool binary = equation.inputs.size() == 2;
  for (int i = 0; i < c.num_inputs(); ++i) {
    if (c.Needs(i)) OperandGradient(c, i, binary ? 1 - i : -1, equation);
  }
}

}  // namespace

void AddEinsumRule(Registry* registry) {
  registry->Add("Einsum", EinsumRule);
  registry->ForComplex({"Einsum"});
}

}  // namespace ke::gradient
