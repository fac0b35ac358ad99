// Resizing of images, and the gradient ops of resizing (for second derivatives).
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

graph::OpBuilder& SetMode(const RuleContext& c, graph::OpBuilder& op) {
  return op.AttrBool("align_corners", c.AttrBool("align_corners"))
      .AttrBool("half_pixel_centers", c.AttrBool("half_pixel_centers"));
}

// The output is float32 for every dtype of the image. The gradient op reads only the image's shape and dtype.
void Smooth(RuleContext& c) {
  const TF_DataType dtype = c.InputType(0);
  const bool narrow = c.type() == "ResizeBicubic" && dtype != TF_FLOAT && dtype != TF_DOUBLE;
  graph::OpBuilder op = c.ops().Op(c.type() + "Grad");
  op.In(c.Dy()).In(narrow ? c.ops().Cast(c.X(), TF_FLOAT) : c.X());
  c.Set(0, c.ops().Cast(SetMode(c, op).Out(), dtype));
}

// Inputs (image, size, scale, translation).
void ScaleAndTranslate(RuleContext& c) {
  if (c.NeedsAny(2, 4)) c.Refuse("with respect to the scale or the translation");
  const TF_Output gradient = c.ops()
                                 .Op("ScaleAndTranslateGrad")
                                 .In(c.Dy())
                                 .In(c.ops().Cast(c.X(0), TF_FLOAT))
                                 .In(c.X(2))
                                 .In(c.X(3))
                                 .AttrString("kernel_type", c.AttrString("kernel_type"))
                                 .AttrBool("antialias", c.AttrBool("antialias"))
                                 .Out();
  c.Set(0, c.ops().Cast(gradient, c.InputType(0)));
}

void NearestNeighbor(RuleContext& c) {
  const Ops& f = c.forward_ops();
  const graph::Shape shape = c.InputShape(0);
  const bool known = shape.known_rank && shape.dims[1] >= 0 && shape.dims[2] >= 0;
  const TF_Output size =
      known ? c.ops().ConstShape({shape.dims[1], shape.dims[2]}) : f.SliceVector(f.ShapeOf(c.Input(0)), 1, 3);
  graph::OpBuilder op = c.ops().Op("ResizeNearestNeighborGrad");
  op.In(c.Dy()).In(size);
  c.Set(0, SetMode(c, op).Out());
}

// The op is linear in its first input, the gradient of the resized image.
void BilinearGrad(RuleContext& c) {
  const Ops& f = c.forward_ops();
  graph::OpBuilder op = c.ops().Op("ResizeBilinear");
  op.In(c.Dy()).In(f.SliceVector(f.ShapeOf(c.Input(0)), 1, 3));
  if (c.Needs(0)) c.Set(0, SetMode(c, op).Out());
}

void NearestNeighborGrad(RuleContext& c) {
  const Ops& f = c.forward_ops();
  graph::OpBuilder op = c.ops().Op("ResizeNearestNeighbor");
  op.In(c.Dy()).In(f.SliceVector(f.ShapeOf(c.Input(0)), 1, 3));
  c.Set(0, SetMode(c, op).Out());
}

}  // namespace

void AddResizeRules(Registry* registry) {
  registry->AddAll({"ResizeBilinear", "ResizeBicubic"}, Smooth);
  registry->Add("ScaleAndTranslate", ScaleAndTranslate);
  registry->Add("ResizeNearestNeighbor", NearestNeighbor);
  registry->Add("ResizeBilinearGrad", BilinearGrad);
  registry->Add("ResizeNearestNeighborGrad", NearestNeighborGrad);
}

}  // namespace ke::gradient
