// Crops and projective transformations of images. For scaling see rules_resize.cc.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Inputs (image, boxes, box_ind, crop_size). The crops are float32 for every dtype of the image.
void CropAndResize(RuleContext& c) {
  const Ops& t = c.ops();
  if (c.Needs(0)) {
    c.Set(0, t.Op("CropAndResizeGradImage")
                 .In(c.Dy())
                 .In(c.X(1))
                 .In(c.X(2))
                 .In(c.ShapeOfX(0))
                 .AttrType("T", c.InputType(0))
                 .AttrString("method", c.AttrString("method"))
                 .Out());
  }
  if (c.Needs(1)) {
    // TensorFlow has the gradient of bilinear sampling, which nearest neighbours do not have.
    if (c.AttrString("method") != "bilinear") c.Refuse("with respect to the boxes of nearest neighbours");
    c.Set(1, t.Op("CropAndResizeGradBoxes").In(c.Dy()).In(c.X(0)).In(c.X(1)).In(c.X(2)).Out());
  }
}

// Returns the inverse of transformations (n, 8), the first eight numbers of matrices (3, 3) that end in 1.
TF_Output Inverse(const Ops& f, TF_Output transforms) {
  const TF_Output rows = f.SliceVector(f.ShapeOf(transforms), 0, 1);
  const TF_Output ones = f.Op("Fill").In(f.Concat({rows, f.Ints({1})}, 0)).In(f.Scalar(TF_FLOAT, 1)).Out();
  const TF_Output matrices = f.Reshape(f.Concat({transforms, ones}, 1), f.Ints({-1, 3, 3}));
  const TF_Output inverse = f.Reshape(f.Unary("MatrixInverse", matrices), f.Ints({-1, 9}));
  const TF_Output last = f.Slice(inverse, f.Ints({0, 8}), f.Ints({-1, 1}));
  return f.Div(f.Slice(inverse, f.Ints({0, 0}), f.Ints({-1, 8})), last);
}

// TensorFlow's gradient transforms dy by the inverse transformations. The gradient is exact where each pixel
// of the result is one pixel of the image, and an approximation elsewhere.
void ProjectiveTransform(RuleContext& c) {
  if (c.Needs(1)) c.Refuse("with respect to the transformations");
  const Ops& f = c.forward_ops();
  graph::OpBuilder op = c.ops().Op(c.type());
  op.In(c.Dy()).In(Inverse(f, c.Input(1))).In(f.SliceVector(f.ShapeOf(c.Input(0)), 1, 3));
  if (c.type() == "ImageProjectiveTransformV3") op.In(f.Scalar(TF_FLOAT, 0));
  c.Set(0, op.AttrString("interpolation", c.AttrString("interpolation"))
               .AttrString("fill_mode", c.AttrString("fill_mode"))
               .Out());
}

}  // namespace

void AddCropRules(Registry* registry) {
  registry->Add("CropAndResize", CropAndResize);
  registry->AddAll({"ImageProjectiveTransformV2", "ImageProjectiveTransformV3"}, ProjectiveTransform);
}

}  // namespace ke::gradient
