// Conversions between RGB and HSV. The channels are the last axis.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Returns a tensor with the last axis `values`.
TF_Output PerChannel(const Ops& ops, TF_DataType dtype, const std::vector<double>& values) {
  std::vector<TF_Output> scalars;
  for (const double value : values) scalars.push_back(ops.Scalar(dtype, value));
  return ops.Stack(scalars, 0);
}

std::vector<TF_Output> Channels(const Ops& ops, TF_Output x) {
  std::vector<TF_Output> channels = ops.Op("Unpack").In(x).AttrInt("num", 3).AttrInt("axis", -1).Outs();
  for (TF_Output& channel : channels) channel = ops.ExpandDims(channel, -1);
  return channels;
}

TF_Output SumOfChannels(const Ops& ops, TF_Output x) { return ops.Sum(x, {-1}, true); }

// With the largest channel `max` (its indicator M) and the smallest `min` (its indicator m):
//   V = max, S = 1 - min / max, H = N / (6 (max - min)) + constant,
// where N is the difference of the two channels after the largest. Of equal channels, the first is the
// largest and the last the smallest, as in TensorFlow. The derivatives of black and grey that do not exist
// are 0.
void RGBToHSV(RuleContext& c) {
  const Ops& f = c.forward_ops();
  const TF_DataType dtype = c.InputType(0);
  const TF_Output x = c.Input(0);
  const std::vector<TF_Output> rgb = Channels(f, x);
  const TF_Output r = rgb[0];
  const TF_Output g = rgb[1];
  const TF_Output b = rgb[2];
  const auto both = [&](const char* first, TF_Output a1, TF_Output a2, const char* second, TF_Output b1,
                        TF_Output b2) {
    return f.Cast(f.Binary("LogicalAnd", f.Binary(first, a1, a2), f.Binary(second, b1, b2)), dtype);
  };
  const TF_Output largest =
      f.Concat({both("GreaterEqual", r, b, "GreaterEqual", r, g), both("Greater", g, r, "GreaterEqual", g, b),
                both("Greater", b, r, "Greater", b, g)},
               -1);
  const TF_Output smallest =
      f.Concat({both("Less", r, b, "Less", r, g), both("LessEqual", g, r, "Less", g, b),
                both("LessEqual", b, r, "LessEqual", b, g)},
               -1);
  const auto after = [&](TF_Output tensor, int32_t places) {
    return f.Op("Roll").In(tensor).In(f.Ints({places})).In(f.Ints({-1})).Out();
  };
  const auto positive = [&](TF_Output tensor) {
    return f.Cast(f.Binary("Greater", tensor, f.Scalar(dtype, 0)), dtype);
  };
  const auto divide = [&](TF_Output a, TF_Output b) { return f.Binary("DivNoNan", a, b); };
  const TF_Output max = SumOfChannels(f, f.Mul(largest, x));
  const TF_Output min = SumOfChannels(f, f.Mul(smallest, x));
  const TF_Output range = f.Sub(max, min);

  const TF_Output by_s =
      f.Mul(positive(x), f.Sub(f.Mul(largest, divide(min, f.Square(max))), divide(smallest, max)));
  const TF_Output n = SumOfChannels(f, f.Mul(largest, f.Sub(after(x, -1), after(x, -2))));
  const TF_Output dn = f.Sub(after(largest, 1), after(largest, 2));
  const TF_Output by_range = f.Mul(divide(n, f.Square(range)), f.Sub(largest, smallest));
  const TF_Output by_h = f.Mul(positive(max), f.Scale(f.Sub(divide(dn, range), by_range), 1.0 / 6));

  const Ops& t = c.ops();
  const std::vector<TF_Output> dy = Channels(t, c.Dy());
  c.Set(0, t.Add(t.Add(t.Mul(dy[0], by_h), t.Mul(dy[1], by_s)), t.Mul(dy[2], largest)));
}

// With w = clip(offset + sign * |6 H - centre|, 0, 1) per channel: RGB = V (1 - S + S w). TensorFlow's tape
// stops at this op.
void HSVToRGB(RuleContext& c) {
  const Ops& f = c.forward_ops();
  const TF_DataType dtype = c.InputType(0);
  const std::vector<TF_Output> hsv = Channels(f, c.Input(0));
  const TF_Output sign = PerChannel(f, dtype, {1, -1, -1});
  const TF_Output distance = f.Sub(f.Scale(hsv[0], 6), PerChannel(f, dtype, {3, 2, 4}));
  const TF_Output line = f.Add(f.Mul(sign, f.Unary("Abs", distance)), PerChannel(f, dtype, {-1, 2, 2}));
  const TF_Output zero = f.Scalar(dtype, 0);
  const TF_Output one = f.Scalar(dtype, 1);
  const TF_Output w = f.Op("ClipByValue").In(line).In(zero).In(one).Out();
  const TF_Output inside =
      f.Binary("LogicalAnd", f.Binary("Greater", line, zero), f.Binary("Less", line, one));
  const TF_Output slope = f.Masked(inside, f.Scale(f.Mul(sign, f.Unary("Sign", distance)), 6));

  const Ops& t = c.ops();
  const auto by = [&](TF_Output factor) { return SumOfChannels(t, t.Mul(c.Dy(), factor)); };
  const TF_Output w_minus_one = f.Shift(w, -1);
  const TF_Output h = by(f.Mul(f.Mul(hsv[1], hsv[2]), slope));
  const TF_Output s = by(f.Mul(hsv[2], w_minus_one));
  const TF_Output v = by(f.Shift(f.Mul(hsv[1], w_minus_one), 1));
  c.Set(0, t.Concat({h, s, v}, -1));
}

}  // namespace

void AddColorRules(Registry* registry) {
  registry->Add("RGBToHSV", RGBToHSV);
  registry->Add("HSVToRGB", HSVToRGB);
}

}  // namespace ke::gradient
