// Depthwise convolutions.
#include <algorithm>

#include "gradient/registry.h"

namespace ke::gradient {

namespace {

graph::OpBuilder& SetAttrs(const RuleContext& c, graph::OpBuilder& op) {
  const std::vector<int64_t> dilations = c.AttrInts("dilations");
  if (std::any_of(dilations.begin(), dilations.end(), [](int64_t d) { return d != 1; })) {
    c.Refuse("with dilations");
  }
  const std::vector<int64_t> explicit_paddings = c.AttrInts("explicit_paddings");
  if (!explicit_paddings.empty()) op.AttrInts("explicit_paddings", explicit_paddings);
  return op.AttrInts("strides", c.AttrInts("strides"))
      .AttrString("padding", c.AttrString("padding"))
      .AttrString("data_format", c.AttrString("data_format"));
}

void Depthwise(RuleContext& c) {
  if (c.Needs(0)) {
    graph::OpBuilder op = c.ops().Op("DepthwiseConv2dNativeBackpropInput");
    op.In(c.ShapeOfX(0)).In(c.X(1)).In(c.Dy());
    c.Set(0, SetAttrs(c, op).Out());
  }
  if (c.Needs(1)) {
    graph::OpBuilder op = c.ops().Op("DepthwiseConv2dNativeBackpropFilter");
    op.In(c.X(0)).In(c.ShapeOfX(1)).In(c.Dy());
    c.Set(1, SetAttrs(c, op).Out());
  }
}

// (input_sizes, filter, out_backprop)
void TransposedDepthwise(RuleContext& c) {
  if (c.Needs(2)) {
    graph::OpBuilder op = c.ops().Op("DepthwiseConv2dNative");
    op.In(c.Dy()).In(c.X(1));
    c.Set(2, SetAttrs(c, op).Out());
  }
  if (c.Needs(1)) {
    graph::OpBuilder op = c.ops().Op("DepthwiseConv2dNativeBackpropFilter");
    op.In(c.Dy()).In(c.ShapeOfX(1)).In(c.X(2));
    c.Set(1, SetAttrs(c, op).Out());
  }
}

}  // namespace

void AddDepthwiseRules(Registry* registry) {
  registry->Add("DepthwiseConv2dNative", Depthwise);
  registry->Add("DepthwiseConv2dNativeBackpropInput", TransposedDepthwise);
}

}  // namespace ke::gradient
