// Max and average pooling of two and three spatial dimensions.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

graph::OpBuilder& SetWindow(const RuleContext& c, graph::OpBuilder& op) {
  return op.AttrInts("ksize", c.AttrInts("ksize"))
      .AttrInts("strides", c.AttrInts("strides"))
      .AttrString("padding", c.AttrString("padding"))
      .AttrString("data_format", c.AttrString("data_format"));
}

// The first of equal elements receives the window's gradient.
void MaxPool(RuleContext& c) {
  const bool three_d = c.type() == "MaxPool3D";
  graph::OpBuilder op = c.ops().Op(three_d ? "MaxPool3DGrad" : "MaxPoolGrad");
  op.In(c.X()).In(c.Y()).In(c.Dy());
  if (!three_d) {
    const std::vector<int64_t> explicit_paddings = c.AttrInts("explicit_paddings");
    if (!explicit_paddings.empty()) op.AttrInts("explicit_paddings", explicit_paddings);
  }
  c.Set(0, SetWindow(c, op).Out());
}

// The variant with the window and the strides as inputs.
void MaxPoolV2(RuleContext& c) {
  c.Set(0, c.ops()
               .Op("MaxPoolGradV2")
               .In(c.X(0))
               .In(c.Y())
               .In(c.Dy())
               .In(c.X(1))
               .In(c.X(2))
               .AttrString("padding", c.AttrString("padding"))
               .AttrString("data_format", c.AttrString("data_format"))
               .Out());
}

void AvgPool(RuleContext& c) {
  graph::OpBuilder op = c.ops().Op(c.type() + "Grad");
  op.In(c.ShapeOfX(0)).In(c.Dy());
  c.Set(0, SetWindow(c, op).Out());
}

// Inputs (orig_input_shape, grad): linear in grad.
void AvgPoolGrad(RuleContext& c) {
  graph::OpBuilder op = c.ops().Op(c.type() == "AvgPoolGrad" ? "AvgPool" : "AvgPool3D");
  op.In(c.Dy());
  c.Set(1, SetWindow(c, op).Out());
}

// Inputs (orig_input, orig_output, grad): linear in grad, and constant in the others except at ties.
void MaxPoolGrad(RuleContext& c) {
  if (!c.Needs(2)) return;
  const bool three_d = c.type() == "MaxPool3DGrad";
  if (!three_d && c.AttrString("padding") == "EXPLICIT") c.Refuse("with explicit padding");
  graph::OpBuilder op = c.ops().Op(c.type() + "Grad");
  op.In(c.X(0)).In(c.X(1)).In(c.Dy());
  c.Set(2, SetWindow(c, op).Out());
}

// The gradient of the gradient of the gradient is that of the pooling.
void MaxPoolGradGrad(RuleContext& c) {
  if (!c.Needs(2)) return;
  const bool three_d = c.type() == "MaxPool3DGradGrad";
  graph::OpBuilder op = c.ops().Op(three_d ? "MaxPool3DGrad" : "MaxPoolGrad");
  op.In(c.X(0)).In(c.X(1)).In(c.Dy());
  c.Set(2, SetWindow(c, op).Out());
}

// The op tells the position of each maximum.
void MaxPoolWithArgmax(RuleContext& c) {
  c.Set(0, c.ops()
               .Op("MaxPoolGradWithArgmax")
               .In(c.X())
               .In(c.Dy())
               .In(c.Y(1))
               .AttrInts("ksize", c.AttrInts("ksize"))
               .AttrInts("strides", c.AttrInts("strides"))
               .AttrString("padding", c.AttrString("padding"))
               .AttrBool("include_batch_in_index", c.AttrBool("include_batch_in_index"))
               .Out());
}

// Outputs (pooled, row boundaries, column boundaries): the boundaries that this run has drawn.
void FractionalPool(RuleContext& c) {
  const bool max = c.type() == "FractionalMaxPool";
  graph::OpBuilder op = c.ops().Op(c.type() + "Grad");
  if (max) {
    op.In(c.X()).In(c.Y());
  } else {
    op.In(c.ShapeOfX(0, TF_INT64));
  }
  op.In(c.Dy()).In(c.Y(1)).In(c.Y(2)).AttrBool("overlapping", c.AttrBool("overlapping"));
  c.Set(0, op.Out());
}

}  // namespace

void AddPoolingRules(Registry* registry) {
  registry->AddAll({"MaxPool", "MaxPool3D"}, MaxPool);
  registry->Add("MaxPoolV2", MaxPoolV2);
  registry->AddAll({"AvgPool", "AvgPool3D"}, AvgPool);
  registry->Add("MaxPoolWithArgmax", MaxPoolWithArgmax);
  registry->AddAll({"FractionalMaxPool", "FractionalAvgPool"}, FractionalPool);
  registry->AddAll({"MaxPoolGradGrad", "MaxPool3DGradGrad"}, MaxPoolGradGrad);
  registry->AddAll({"AvgPoolGrad", "AvgPool3DGrad"}, AvgPoolGrad);
  registry->AddAll({"MaxPoolGrad", "MaxPool3DGrad"}, MaxPoolGrad);
}

}  // namespace ke::gradient
