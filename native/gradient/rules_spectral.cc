// Discrete Fourier transforms of one, two and three dimensions.
//
// A transform is linear, and its gradient is its adjoint: FFT and IFFT exchange roles, up to the number of
// elements. TensorFlow has no gradient of RFFT3D and IRFFT3D. The formulas hold for every rank.
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// Returns the rank of the transform: "RFFT2D" has 2, "FFT" has 1.
int RankOf(const std::string& type) { return type.ends_with("3D") ? 3 : type.ends_with("2D") ? 2 : 1; }

std::string Suffix(int rank) { return rank == 1 ? "" : std::to_string(rank) + "D"; }

// Returns the number of elements of one transform, in the dtype `dtype`.
TF_Output SizeOf(const Ops& f, TF_Output lengths, TF_DataType dtype) {
  return f.Cast(f.Cast(f.Product(lengths), RealOf(dtype)), dtype);
}

void FFT(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const int rank = RankOf(c.type());
  const TF_Output size = SizeOf(f, f.SliceVector(f.ShapeOf(c.Input(0)), -rank, 0), c.InputType(0));
  if (c.type()[0] == 'F') {
    c.Set(0, t.Mul(t.Unary("IFFT" + Suffix(rank), c.Dy()), size));
  } else {
    c.Set(0, t.Div(t.Unary("FFT" + Suffix(rank), c.Dy()), size));
  }
}

// Appends zeros along the last axes until the tensor has the shape of the input, of which the transform took
// the first elements.
TF_Output PadLikeInput(RuleContext& c, TF_Output gradient) {
  const Ops& t = c.ops();
  const TF_Output missing = t.Sub(c.ShapeOfX(0), t.ShapeOf(gradient));
  return t.Binary("Pad", gradient, t.Stack({t.ZerosLike(missing), missing}, 1));
}

// y_k = sum_n x_n exp(-2 pi i k n / N) for the k up to N / 2. The adjoint transforms dy with zeros for the
// other k, and its real part is the gradient.
void RFFT(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const int rank = RankOf(c.type());
  const TF_Output lengths = c.Input(1);
  const TF_Output length = f.SliceVector(lengths, -1, 0);
  const TF_Output dims = f.ShapeOf(c.Output(0));
  const TF_Output missing = f.Sub(length, f.SliceVector(dims, -1, 0));
  const TF_Output ones = f.Unary("OnesLike", dims);
  // A row of zeros for every axis but the last.
  const TF_Output after = f.Concat({f.Unary("ZerosLike", f.SliceVector(ones, 0, -1)), missing}, 0);
  const TF_Output paddings = f.Stack({f.ZerosLike(after), after}, 1);
  const TF_Output whole = t.Binary("Pad", c.Dy(), paddings);
  const TF_Output size = SizeOf(f, lengths, c.InputType(0));
  c.Set(0, PadLikeInput(c, t.Mul(t.Real(t.Unary("IFFT" + Suffix(rank), whole)), size)));
}

// Every y_k but the first, and the middle one of an even length, stands for itself and for its conjugate.
void IRFFT(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const int rank = RankOf(c.type());
  const TF_DataType dtype = c.InputType(0);
  const TF_Output lengths = c.Input(1);
  const TF_Output length = f.Product(f.SliceVector(lengths, -1, 0));
  const TF_Output index = f.Range(f.Add(f.Binary("FloorDiv", length, f.Int(2)), f.Int(1)));
  const TF_Output first = f.Binary("Equal", index, f.Int(0));
  const TF_Output middle = f.Binary("Equal", f.Mul(index, f.Int(2)), length);
  const TF_Output alone = f.Binary("LogicalOr", first, middle);
  const TF_DataType real = RealOf(dtype);
  const TF_Output weights = f.Cast(f.Select(alone, f.Scalar(real, 1), f.Scalar(real, 2)), dtype);
  const TF_Output transform = t.Op("RFFT" + Suffix(rank))
                                  .In(c.Dy())
                                  .In(lengths)
                                  .AttrType("Treal", c.OutputType(0))
                                  .AttrType("Tcomplex", dtype)
                                  .Out();
  c.Set(0, PadLikeInput(c, t.Mul(transform, f.Div(weights, SizeOf(f, lengths, dtype)))));
}

}  // namespace

void AddSpectralRules(Registry* registry) {
  for (const std::string rank : {"", "2D", "3D"}) {
    registry->AddAll({"FFT" + rank, "IFFT" + rank}, FFT);
    registry->Add("RFFT" + rank, RFFT);
    registry->Add("IRFFT" + rank, IRFFT);
    registry->ForComplex({"FFT" + rank, "IFFT" + rank, "RFFT" + rank, "IRFFT" + rank});
  }
}

}  // namespace ke::gradient
