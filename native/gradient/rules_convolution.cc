// Convolutions of two and three spatial dimensions, depthwise convolutions, and the transposes of both.
//
// TensorFlow's own gradients ignore dilations, and the CPU kernels of the gradient ops support neither
// dilations nor groups. Therefore only a plain convolution uses the gradient op. The gradient of any other
// convolution is written as its definition: a convolution of dy, spread by the stride, with the filter
// rotated by 180 degrees and its channels exchanged. A depthwise convolution is a convolution with one group
// per channel.
#include <algorithm>

#include "gradient/registry.h"

namespace ke::gradient {

namespace {

struct Geometry {
  explicit Geometry(const RuleContext& c)
      : three_d(c.type().starts_with("Conv3D")),
        depthwise(c.type().starts_with("Depthwise")),
        data_format(c.AttrString("data_format")),
        strides(c.AttrInts("strides")),
        dilations(c.AttrInts("dilations")),
        padding(c.AttrString("padding")) {
    if (data_format.empty()) data_format = three_d ? "NDHWC" : "NHWC";
    if (dilations.empty()) dilations.assign(rank(), 1);
    if (!three_d) explicit_paddings = c.AttrInts("explicit_paddings");
  }

  int rank() const { return three_d ? 5 : 4; }
  int spatial() const { return rank() - 2; }
  bool channels_last() const { return data_format.back() == 'C'; }
  int channel_axis() const { return channels_last() ? rank() - 1 : 1; }
  int first_spatial_axis() const { return channels_last() ? 1 : 2; }
  int64_t stride(int i) const { return strides[first_spatial_axis() + i]; }
  int64_t dilation(int i) const { return dilations[first_spatial_axis() + i]; }
  bool strided() const {
    return std::any_of(strides.begin(), strides.end(), [](int64_t s) { return s != 1; });
  }
  bool dilated() const {
    return std::any_of(dilations.begin(), dilations.end(), [](int64_t d) { return d != 1; });
  }
  const char* forward_op() const {
    return depthwise ? "DepthwiseConv2dNative" : three_d ? "Conv3D" : "Conv2D";
  }
  const char* input_op() const {
    if (depthwise) return "DepthwiseConv2dNativeBackpropInput";
    return three_d ? "Conv3DBackpropInputV2" : "Conv2DBackpropInput";
  }
  const char* filter_op() const {
    if (depthwise) return "DepthwiseConv2dNativeBackpropFilter";
    return three_d ? "Conv3DBackpropFilterV2" : "Conv2DBackpropFilter";
  }

  // Sets the forward op's attributes on an op of the same family.
  graph::OpBuilder& SetOn(graph::OpBuilder& op) const {
    op.AttrInts("strides", strides).AttrInts("dilations", dilations).AttrString("padding", padding);
    if (!explicit_paddings.empty()) op.AttrInts("explicit_paddings", explicit_paddings);
    return op.AttrString("data_format", data_format);
  }
  Geometry WithoutDilations() const {
    Geometry plain = *this;
    plain.dilations.assign(rank(), 1);
    return plain;
  }

  bool three_d;
  bool depthwise;
  std::string data_format;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::string padding;
  std::vector<int64_t> explicit_paddings;
};

// Returns the sizes of the dilated filter: the number of input elements that one output spans, per spatial
// axis.
std::vector<int64_t> Spans(const Geometry& g, const graph::Shape& filter) {
  std::vector<int64_t> spans;
  for (int i = 0; i < g.spatial(); ++i) spans.push_back((filter.dims[i] - 1) * g.dilation(i) + 1);
  return spans;
}

// Transposes a filter from (k..., in / groups, groups * out) to (k..., out, groups * in / groups), rotated by
// 180 degrees.
TF_Output TransposedFilter(const Ops& f, TF_Output filter, const graph::Shape& shape, int64_t groups) {
  const int spatial = shape.rank() - 2;
  std::vector<int32_t> axes(spatial);
  std::vector<int32_t> order(spatial);
  for (int i = 0; i < spatial; ++i) axes[i] = order[i] = i;
  TF_Output turned = f.Binary("ReverseV2", filter, f.Ints(axes));
  if (groups == 1) {
    order.insert(order.end(), {spatial + 1, spatial});
    return f.Transpose(turned, order);
  }
  const int64_t in = shape.dims[spatial];
  const int64_t out = shape.dims[spatial + 1] / groups;
  std::vector<int64_t> split(shape.dims.begin(), shape.dims.begin() + spatial);
  std::vector<int64_t> joined = split;
  split.insert(split.end(), {in, groups, out});
  joined.insert(joined.end(), {out, groups * in});
  order.insert(order.end(), {spatial + 2, spatial + 1, spatial});
  turned = f.Transpose(f.Reshape(turned, f.ConstShape(split)), order);
  return f.Reshape(turned, f.ConstShape(joined));
}

// Returns a convolution (not depthwise) of stride 1 with the dilations of `g`.
TF_Output Convolve(const Ops& t, const Geometry& g, TF_Output x, TF_Output filter, const std::string& padding,
                   const std::vector<int64_t>& explicit_paddings) {
  graph::OpBuilder op = t.Op(g.three_d ? "Conv3D" : "Conv2D");
  op.In(x)
      .In(filter)
      .AttrInts("strides", std::vector<int64_t>(g.rank(), 1))
      .AttrInts("dilations", g.dilations);
  if (!explicit_paddings.empty()) op.AttrInts("explicit_paddings", explicit_paddings);
  return op.AttrString("padding", padding).AttrString("data_format", g.data_format).Out();
}

// The case of stride 1: dy only needs padding, which is static even if the image's size is not.
TF_Output InputGradientOfStrideOne(RuleContext& c, const Geometry& g, TF_Output filter,
                                   const std::vector<int64_t>& spans) {
  const Ops& t = c.ops();
  std::vector<int64_t> paddings(2 * g.rank(), 0);
  bool none = true;
  bool same = true;
  for (int i = 0; i < g.spatial(); ++i) {
    const int axis = g.first_spatial_axis() + i;
    int64_t before = 0;
    int64_t after = 0;
    if (g.padding == "SAME") {
      before = (spans[i] - 1) / 2;
      after = spans[i] - 1 - before;
    } else if (g.padding == "EXPLICIT") {
      before = g.explicit_paddings[2 * axis];
      after = g.explicit_paddings[2 * axis + 1];
    }
    paddings[2 * axis] = spans[i] - 1 - before;
    paddings[2 * axis + 1] = spans[i] - 1 - after;
    if (paddings[2 * axis] < 0 || paddings[2 * axis + 1] < 0) c.Refuse("with paddings wider than the filter");
    none = none && paddings[2 * axis] == 0 && paddings[2 * axis + 1] == 0;
    same = same && paddings[2 * axis] == (spans[i] - 1) / 2 && 2 * paddings[2 * axis] == spans[i] - 1 &&
           paddings[2 * axis] == paddings[2 * axis + 1];
  }
  if (none) return Convolve(t, g, c.Dy(), filter, "VALID", {});
  if (same) return Convolve(t, g, c.Dy(), filter, "SAME", {});
  if (!g.three_d) return Convolve(t, g, c.Dy(), filter, "EXPLICIT", paddings);
  const TF_Output pairs = t.Reshape(t.ConstShape(paddings), t.Ints({-1, 2}));
  return Convolve(t, g, t.Binary("Pad", c.Dy(), pairs), filter, "VALID", {});
}

// Returns the sizes of the spatial axes of a forward tensor: a Const if the sizes are static.
TF_Output SpatialDims(const Ops& f, const Geometry& g, TF_Output tensor, const graph::Shape& shape) {
  if (shape.known_rank) {
    const auto begin = shape.dims.begin() + g.first_spatial_axis();
    const std::vector<int64_t> dims(begin, begin + g.spatial());
    if (std::count(dims.begin(), dims.end(), -1) == 0) return f.ConstShape(dims);
  }
  return f.Slice(f.ShapeOf(tensor), f.Ints({g.first_spatial_axis()}), f.Ints({g.spatial()}));
}

// Returns a vector with one entry per axis from the spatial entries and from the entries for batch and
// channels (vectors of one element).
TF_Output PerAxis(const Ops& f, const Geometry& g, TF_Output batch, TF_Output spatial, TF_Output channels) {
  return g.channels_last() ? f.Concat({batch, spatial, channels}, 0)
                           : f.Concat({batch, channels, spatial}, 0);
}

// The case of larger strides: the elements of dy are spread by the stride, with zeros between and around
// them. StridedSliceGrad computes exactly that.
TF_Output InputGradientOfStrides(RuleContext& c, const Geometry& g, TF_Output filter,
                                 const std::vector<int64_t>& spans) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  std::vector<int64_t> strides;
  std::vector<int64_t> explicit_before;
  for (int i = 0; i < g.spatial(); ++i) {
    strides.push_back(g.stride(i));
    const int axis = g.first_spatial_axis() + i;
    explicit_before.push_back(g.padding == "EXPLICIT" ? g.explicit_paddings[2 * axis] : 0);
    if (explicit_before.back() > spans[i] - 1) c.Refuse("with paddings wider than the filter");
  }
  const TF_Output in = SpatialDims(f, g, c.Input(0), c.InputShape(0));
  const TF_Output out = SpatialDims(f, g, c.Output(0), c.OutputShape(0));
  const TF_Output reach = f.Sub(f.ConstShape(spans), f.Int(1));
  // The distance from the first output's position to the last output's position.
  const TF_Output extent = f.Mul(f.Sub(out, f.Int(1)), f.ConstShape(strides));
  TF_Output before = f.ConstShape(explicit_before);
  if (g.padding == "SAME") {
    const TF_Output total = f.Binary("Maximum", f.Sub(f.Add(f.Add(extent, reach), f.Int(1)), in), f.Int(0));
    before = f.Binary("FloorDiv", total, f.Int(2));
  }
  const TF_Output begin = f.Sub(reach, before);
  const TF_Output end = f.Add(f.Add(begin, extent), f.Int(1));
  const TF_Output dy_shape = f.ShapeOf(c.Output(0));
  const auto dim = [&](int axis) { return f.Slice(dy_shape, f.Ints({axis}), f.Ints({1})); };
  const TF_Output zero = f.Ints({0});
  const TF_Output one = f.Ints({1});
  const int64_t whole_axes = 1 | (int64_t{1} << g.channel_axis());
  const TF_Output spread = t.Op("StridedSliceGrad")
                               .In(PerAxis(f, g, dim(0), f.Add(in, reach), dim(g.channel_axis())))
                               .In(PerAxis(f, g, zero, begin, zero))
                               .In(PerAxis(f, g, zero, end, zero))
                               .In(PerAxis(f, g, one, f.ConstShape(strides), one))
                               .In(c.Dy())
                               .AttrInt("begin_mask", whole_axes)
                               .AttrInt("end_mask", whole_axes)
                               .Out();
  return Convolve(t, g, spread, filter, "VALID", {});
}

// The maximum number of channels of an image.
constexpr int64_t kImageChannels = 4;

// Returns whether InputGradientOfImage is the faster way to the gradient of a strided convolution.
bool IsOfImage(const RuleContext& c, const Geometry& g) {
  const graph::Shape x = c.InputShape(0);
  return !g.three_d && !g.depthwise && g.channels_last() && g.stride(0) > 1 && g.stride(0) == g.stride(1) &&
         x.known_rank && x.dims[g.channel_axis()] > 0 && x.dims[g.channel_axis()] <= kImageChannels &&
         c.InputShape(1).IsFullyKnown() && (g.padding != "SAME" || (x.dims[1] > 0 && x.dims[2] > 0));
}

// Returns the padding before the image, per spatial axis.
std::vector<int64_t> PaddedBefore(const Geometry& g, const graph::Shape& x, const graph::Shape& filter) {
  std::vector<int64_t> before(g.spatial(), 0);
  for (int i = 0; i < g.spatial(); ++i) {
    const int axis = g.first_spatial_axis() + i;
    if (g.padding == "EXPLICIT") before[i] = g.explicit_paddings[2 * axis];
    if (g.padding != "SAME") continue;
    const int64_t out = (x.dims[axis] + g.stride(i) - 1) / g.stride(i);
    before[i] = std::max<int64_t>(0, (out - 1) * g.stride(i) + filter.dims[i] - x.dims[axis]) / 2;
  }
  return before;
}

// The gradient op processes an image's few channels one by one: with stride 2, a network's first convolution
// took 7 % of the whole gradient. With stride s, all pixels of one phase (their position modulo s) see the
// same part of the filter and an unspread dy. The gradient is therefore a plain convolution of dy with one
// output channel per phase and channel of the image. DepthToSpace moves these channels to their pixels.
TF_Output InputGradientOfImage(RuleContext& c, const Geometry& g) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const graph::Shape filter = c.InputShape(1);
  const int64_t s = g.stride(0);
  const int64_t channels = filter.dims[2];
  const int64_t rows = (filter.dims[0] + s - 1) / s;  // the size of a phase's filter
  const int64_t columns = (filter.dims[1] + s - 1) / s;
  const auto pad = [](const Ops& ops, TF_Output tensor, const std::vector<int64_t>& paddings) {
    return ops.Binary("Pad", tensor, ops.Reshape(ops.ConstShape(paddings), ops.Ints({-1, 2})));
  };
  // Reshaped to (rows, s, columns, s, in, out), then transposed to (rows, columns, out, s, s, in), with rows
  // and columns reversed.
  TF_Output phases =
      pad(f, c.Input(1), {0, rows * s - filter.dims[0], 0, columns * s - filter.dims[1], 0, 0, 0, 0});
  phases = f.Reshape(phases, f.ConstShape({rows, s, columns, s, channels, filter.dims[3]}));
  phases = f.Transpose(f.Binary("ReverseV2", phases, f.Ints({0, 2})), {0, 2, 5, 1, 3, 4});
  phases = f.Reshape(phases, f.ConstShape({rows, columns, filter.dims[3], s * s * channels}));
  const TF_Output spread = Convolve(t, g, c.Dy(), c.target()->Import(phases), "EXPLICIT",
                                    {0, 0, rows - 1, rows - 1, columns - 1, columns - 1, 0, 0});
  TF_Output padded = t.Op("DepthToSpace").In(spread).AttrInt("block_size", s).Out();
  // Pixels at the end that the filter never reached have no gradient.
  const int64_t below = std::max<int64_t>(0, filter.dims[0] - 1 - s * (rows - 1));
  const int64_t right = std::max<int64_t>(0, filter.dims[1] - 1 - s * (columns - 1));
  if (below + right > 0) padded = pad(t, padded, {0, 0, 0, below, 0, right, 0, 0});
  const std::vector<int64_t> before = PaddedBefore(g, c.InputShape(0), filter);
  return t.Slice(padded, t.ConstShape({0, before[0], before[1], 0}), c.ShapeOfX(0));
}

// Returns the number of groups, or nullopt if the channels of the image or of the filter are not static.
std::optional<int64_t> Groups(const RuleContext& c, const Geometry& g) {
  const graph::Shape x = c.InputShape(0);
  const graph::Shape filter = c.InputShape(1);
  if (!x.known_rank || !filter.known_rank) return std::nullopt;
  const int64_t channels = x.dims[g.channel_axis()];
  const int64_t per_group = g.depthwise ? 1 : filter.dims[g.spatial()];
  if (channels <= 0 || per_group <= 0) return std::nullopt;
  return channels / per_group;
}

TF_Output InputGradient(RuleContext& c, const Geometry& g) {
  const std::optional<int64_t> groups = Groups(c, g);
  // An unknown number of groups is taken as 1. If there are groups after all, the gradient op fails at run
  // time.
  if (!g.dilated() && (g.depthwise || groups.value_or(1) == 1)) {
    if (IsOfImage(c, g)) return InputGradientOfImage(c, g);
    graph::OpBuilder op = c.ops().Op(g.input_op());
    op.In(c.ShapeOfX(0)).In(c.X(1)).In(c.Dy());
    return g.SetOn(op).Out();
  }
  graph::Shape shape = c.InputShape(1);
  if (!groups || !shape.IsFullyKnown()) {
    c.Refuse("with dilations or groups, and channels or a filter of unknown size");
  }
  const Ops& f = c.forward_ops();
  TF_Output filter = c.Input(1);
  if (g.depthwise) {
    // A depthwise filter (kh, kw, channels, multiplier) equals a filter (kh, kw, 1, channels * multiplier)
    // with one group per channel.
    shape.dims = {shape.dims[0], shape.dims[1], 1, shape.dims[2] * shape.dims[3]};
    filter = f.Reshape(filter, f.ConstShape(shape.dims));
  }
  filter = TransposedFilter(f, filter, shape, *groups);
  const std::vector<int64_t> spans = Spans(g, shape);
  return g.strided() ? InputGradientOfStrides(c, g, filter, spans)
                     : InputGradientOfStrideOne(c, g, filter, spans);
}

// A dilated filter is a dense filter with holes. Its gradient is the dense filter's gradient without the
// holes.
TF_Output FilterGradient(RuleContext& c, const Geometry& g, TF_Output x, TF_Output dy) {
  const Ops& t = c.ops();
  const auto backprop = [&](const Geometry& geometry, TF_Output sizes) {
    graph::OpBuilder op = t.Op(geometry.filter_op());
    op.In(x).In(sizes).In(dy);
    return geometry.SetOn(op).Out();
  };
  if (!g.dilated()) return backprop(g, c.ShapeOfX(1));
  if (g.depthwise) c.Refuse("with respect to a dilated depthwise filter");
  const graph::Shape shape = c.InputShape(1);
  if (!shape.IsFullyKnown()) c.Refuse("with respect to a dilated filter of unknown shape");
  std::vector<int64_t> dense = shape.dims;
  std::vector<int64_t> steps(shape.rank(), 1);
  const std::vector<int64_t> spans = Spans(g, shape);
  for (int i = 0; i < g.spatial(); ++i) {
    dense[i] = spans[i];
    steps[i] = g.dilation(i);
  }
  return t.Op("StridedSlice")
      .In(backprop(g.WithoutDilations(), t.ConstShape(dense)))
      .In(t.ConstShape(std::vector<int64_t>(shape.rank(), 0)))
      .In(t.ConstShape(dense))
      .In(t.ConstShape(steps))
      .Out();
}

void Convolution(RuleContext& c) {
  const Geometry g(c);
  if (c.Needs(0)) c.Set(0, InputGradient(c, g));
  if (c.Needs(1)) {
    if (!g.depthwise && Groups(c, g).value_or(1) > 1) c.Refuse("with respect to a filter in groups");
    c.Set(1, FilterGradient(c, g, c.X(0), c.Dy()));
  }
}

// (input_sizes, filter, out_backprop): the transposed convolution of a Conv2DTranspose, whose gradient is the
// plain one.
void TransposedConvolution(RuleContext& c) {
  const Geometry g(c);
  if (c.Needs(2)) {
    graph::OpBuilder op = c.ops().Op(g.forward_op());
    op.In(c.Dy()).In(c.X(1));
    c.Set(2, g.SetOn(op).Out());
  }
  if (c.Needs(1)) c.Set(1, FilterGradient(c, g, c.Dy(), c.X(2)));
}

}  // namespace

void AddConvolutionRules(Registry* registry) {
  registry->AddAll({"Conv2D", "Conv3D", "DepthwiseConv2dNative"}, Convolution);
  registry->AddAll({"Conv2DBackpropInput", "Conv3DBackpropInputV2", "DepthwiseConv2dNativeBackpropInput"},
                   TransposedConvolution);
}

}  // namespace ke::gradient
