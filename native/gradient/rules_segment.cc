// Reductions over segments: rows with the same id, sorted or not, and rows that indices select
// (SparseSegment).
#include "gradient/registry.h"

namespace ke::gradient {

namespace {

// The segments of one op. Rows with a negative id, which only unsorted ids may have, belong to no segment.
class Segments {
 public:
  explicit Segments(RuleContext& c) : c_(c), sorted_(!c.type().starts_with("Unsorted")), safe_(c.Input(1)) {
    if (sorted_) return;
    const graph::Shape data = c.InputShape(0);
    const graph::Shape ids = c.InputShape(1);
    if (!data.known_rank || !ids.known_rank) c.Refuse("of inputs of unknown rank");
    const Ops& f = c.forward_ops();
    const TF_Output zero = f.Scalar(c.InputType(1), 0);
    // A gather with a negative id would read out of range.
    safe_ = f.Binary("Maximum", c.Input(1), zero);
    used_ = f.Binary("GreaterEqual", c.Input(1), zero);
    for (int axis = ids.rank(); axis < data.rank(); ++axis) used_ = f.ExpandDims(used_, -1);
  }

  // Returns the sum, the product, ... of each segment: "Sum", "Prod".
  TF_Output Reduce(const Ops& ops, const std::string& reduction, TF_Output rows) const {
    graph::OpBuilder op = ops.Op((sorted_ ? "Segment" : "UnsortedSegment") + reduction);
    op.In(rows).In(c_.Input(1));
    if (!sorted_) op.In(c_.Input(2));
    return op.Out();
  }

  // Returns, for each row, the value of its segment. The value of a row without a segment is any.
  TF_Output Gather(const Ops& ops, TF_Output per_segment) const { return ops.Gather(per_segment, safe_); }

  // Returns `mask` for the rows that have a segment.
  TF_Output Used(TF_Output mask) const {
    return sorted_ ? mask : c_.forward_ops().Binary("LogicalAnd", mask, used_);
  }

  // Returns `rows`, and 0 for rows without a segment.
  TF_Output Drop(TF_Output rows) const { return sorted_ ? rows : c_.ops().Masked(used_, rows); }

 private:
  RuleContext& c_;
  bool sorted_;
  TF_Output safe_;
  TF_Output used_ = {nullptr, 0};
};

void Sum(RuleContext& c) {
  const Segments segments(c);
  c.Set(0, segments.Drop(segments.Gather(c.ops(), c.Dy())));
}

void Mean(RuleContext& c) {
  const Ops& f = c.forward_ops();
  const Segments segments(c);
  const int rank = c.InputShape(0).rank();
  if (rank < 0) c.Refuse("of an input of unknown rank");
  TF_Output ones = f.Cast(f.Unary("OnesLike", c.Input(1)), c.InputType(0));
  for (int axis = 1; axis < rank; ++axis) ones = f.ExpandDims(ones, -1);
  const TF_Output counts = segments.Reduce(f, "Sum", ones);
  c.Set(0, segments.Gather(c.ops(), c.ops().Div(c.Dy(), counts)));
}

// Equal elements at the extremum share the gradient equally.
void Extremum(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const Segments segments(c);
  const TF_Output held = segments.Used(f.Binary("Equal", c.Input(0), segments.Gather(f, c.Output(0))));
  const TF_Output count = segments.Reduce(f, "Sum", f.Cast(held, c.InputType(0)));
  c.Set(0, t.Masked(held, segments.Gather(t, t.Div(c.Dy(), count))));
}

// The derivative by an element is the product of the others: the product divided by the element if no element
// of the segment is 0; the product of the nonzero elements by the only 0; and 0 if there are several 0s.
void Prod(RuleContext& c) {
  const Ops& t = c.ops();
  const Ops& f = c.forward_ops();
  const Segments segments(c);
  const TF_DataType dtype = c.InputType(0);
  const TF_Output zero = f.Binary("Equal", c.Input(0), f.Scalar(dtype, 0));
  const TF_Output nonzero = f.Select(zero, f.Scalar(dtype, 1), c.Input(0));
  const TF_Output zeros = segments.Reduce(f, "Sum", f.Cast(zero, TF_INT32));
  const TF_Output several = f.Binary("Greater", zeros, f.Int(1));
  const TF_Output of_nonzero = segments.Gather(f, segments.Reduce(f, "Prod", nonzero));
  const TF_Output factor = f.Select(zero, of_nonzero, f.Div(segments.Gather(f, c.Output(0)), nonzero));
  const TF_Output dy = t.Masked(f.Unary("LogicalNot", several), c.Dy());
  c.Set(0, t.Mul(segments.Drop(segments.Gather(t, dy)), factor));
}

// Inputs (data, indices, segment_ids[, num_segments]).
void SparseSegment(RuleContext& c) {
  std::string type = c.type();
  const std::string suffix = "WithNumSegments";
  if (type.ends_with(suffix)) type.erase(type.size() - suffix.size());
  const Ops& f = c.forward_ops();
  const TF_Output rows = f.Product(f.SliceVector(f.ShapeOf(c.Input(0)), 0, 1));
  c.Set(0, c.ops().Op(type + "Grad").In(c.Dy()).In(c.X(1)).In(c.X(2)).In(rows).Out());
}

}  // namespace

void AddSegmentRules(Registry* registry) {
  registry->AddAll({"SegmentSum", "UnsortedSegmentSum"}, Sum);
  registry->Add("SegmentMean", Mean);
  registry->AddAll({"SegmentMax", "SegmentMin", "UnsortedSegmentMax", "UnsortedSegmentMin"}, Extremum);
  registry->AddAll({"SegmentProd", "UnsortedSegmentProd"}, Prod);
  for (const char* type :
       {"SparseSegmentSum", "SparseSegmentSumWithNumSegments", "SparseSegmentMean",
        "SparseSegmentMeanWithNumSegments", "SparseSegmentSqrtN", "SparseSegmentSqrtNWithNumSegments"}) {
    registry->Add(type, SparseSegment);
  }
  registry->ForComplex({"SegmentSum", "UnsortedSegmentSum"});
}

}  // namespace ke::gradient
