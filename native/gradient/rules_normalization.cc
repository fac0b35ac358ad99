// Batch normalisation as one op (in training mode also used for Keras 2's layer normalisation), and LRN.
// Decomposed normalisations need no rules of their own.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

enum Input { kX, kScale, kOffset, kMean, kVariance };

class BatchNorm {
 public:
  explicit BatchNorm(RuleContext& c) : c_(c), t_(c.ops()), f_(c.forward_ops()) {
    const std::string format = c.AttrString("data_format");
    const graph::Shape shape = c.InputShape(kX);
    const int rank = shape.known_rank ? shape.rank() : format.empty() ? 4 : static_cast<int>(format.size());
    channels_last_ = format.empty() || format.back() == 'C';
    for (int axis = 0; axis < rank; ++axis) {
      if (axis != (channels_last_ ? rank - 1 : 1)) axes_.push_back(axis);
    }
    epsilon_ = c.AttrFloat("epsilon");
    x_dtype_ = c.InputType(kX);
    dtype_ = c.InputType(kScale);
  }

  // y = (x - mean) scale / sqrt(variance + epsilon) + offset, with given statistics.
  void Inference() {
    const TF_Output root = f_.Unary("Rsqrt", f_.Shift(c_.Input(kVariance), epsilon_));
    const TF_Output factor = f_.Mul(c_.Input(kScale), root);
    if (c_.Needs(kX)) c_.Set(kX, t_.Mul(c_.Dy(), f_.Cast(PerChannel(factor), x_dtype_)));
    if (!c_.NeedsAny(kScale, c_.num_inputs())) return;
    const TF_Output dy = t_.Cast(c_.Dy(), dtype_);
    const TF_Output dy_sum = t_.Sum(dy, axes_, false);
    if (c_.Needs(kOffset)) c_.Set(kOffset, dy_sum);
    if (c_.Needs(kMean)) c_.Set(kMean, t_.Neg(t_.Mul(dy_sum, factor)));
    if (!c_.Needs(kScale) && !c_.Needs(kVariance)) return;
    const TF_Output centred = f_.Sub(f_.Cast(c_.Input(kX), dtype_), PerChannel(c_.Input(kMean)));
    const TF_Output product = t_.Sum(t_.Mul(dy, centred), axes_, false);
    if (c_.Needs(kScale)) c_.Set(kScale, t_.Mul(product, root));
    if (c_.Needs(kVariance)) {
      c_.Set(kVariance, t_.Mul(product, f_.Scale(f_.Mul(factor, f_.Square(root)), -0.5)));
    }
  }

  // The statistics are those of x. The rule computes the statistics again instead of reading the op's
  // reserved outputs, whose meaning differs between kernels (the variance or its root, oneDNN's own layout).
  // The computation is in the forward graph and therefore runs once.
  void Training() {
    const TF_Output x = f_.Cast(c_.Input(kX), dtype_);
    const TF_Output centred = f_.Sub(x, f_.Mean(x, axes_, true));
    const TF_Output variance = f_.Mean(f_.Square(centred), axes_, true);
    const TF_Output root = f_.Unary("Rsqrt", f_.Shift(variance, epsilon_));
    const TF_Output normal = f_.Mul(centred, root);
    const TF_Output dy = t_.Cast(c_.Dy(), dtype_);
    if (c_.Needs(kX)) {
      const TF_Output along = t_.Mul(normal, t_.Mean(t_.Mul(dy, normal), axes_, true));
      const TF_Output rest = t_.Sub(t_.Sub(dy, t_.Mean(dy, axes_, true)), along);
      c_.Set(kX, t_.Cast(t_.Mul(rest, f_.Mul(root, PerChannel(c_.Input(kScale)))), x_dtype_));
    }
    if (c_.Needs(kScale)) c_.Set(kScale, t_.Sum(t_.Mul(dy, normal), axes_, false));
    if (c_.Needs(kOffset)) c_.Set(kOffset, t_.Sum(dy, axes_, false));
  }

 private:
  // Returns a vector over the channels in a shape that broadcasts with x.
  TF_Output PerChannel(TF_Output vector) const {
    if (channels_last_) return vector;
    std::vector<int32_t> dims(axes_.size(), 1);
    dims[0] = -1;
    return f_.Reshape(vector, f_.Ints(dims));
  }

  RuleContext& c_;
  const Ops& t_;
  const Ops& f_;
  bool channels_last_;
  std::vector<int> axes_;
  float epsilon_;
  TF_DataType x_dtype_;
  TF_DataType dtype_;
};

void FusedBatchNorm(RuleContext& c) {
  for (int i = 1; i < c.num_outputs(); ++i) {
    if (c.HasDy(i)) c.Refuse("of its output " + std::to_string(i) + ", the batch's statistics");
  }
  BatchNorm rule(c);
  if (c.AttrBool("is_training")) {
    rule.Training();
  } else {
    rule.Inference();
  }
}

void LocalResponse(RuleContext& c) {
  c.Set(0, c.ops()
               .Op("LRNGrad")
               .In(c.Dy())
               .In(c.X())
               .In(c.Y())
               .AttrInt("depth_radius", c.AttrInt("depth_radius"))
               .AttrFloat("bias", c.AttrFloat("bias"))
               .AttrFloat("alpha", c.AttrFloat("alpha"))
               .AttrFloat("beta", c.AttrFloat("beta"))
               .Out());
}

}  // namespace

void AddNormalizationRules(Registry* registry) {
  registry->AddAll({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}, FusedBatchNorm);
  registry->Add("LRN", LocalResponse);
}

}  // namespace ke::gradient
