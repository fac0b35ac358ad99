#include "model/small_integers.h"

#include <algorithm>
#include <string_view>

#include "ir/op_traits.h"
#include "wire/proto.h"

namespace ke::graph {
namespace {

using Kind = SmallInteger::Kind;
using List = std::vector<SmallInteger>;

// Shapes, axes and paddings have few elements. Longer lists are data. A file of 1,000,000 nodes may hold as
// many lists.
constexpr size_t kMostElements = 16;

using Operation = std::optional<int64_t> (*)(int64_t, int64_t);

std::optional<int64_t> Sum(int64_t a, int64_t b) {
  int64_t result = 0;
  return __builtin_add_overflow(a, b, &result) ? std::nullopt : std::optional(result);
}

std::optional<int64_t> Difference(int64_t a, int64_t b) {
  int64_t result = 0;
  return __builtin_sub_overflow(a, b, &result) ? std::nullopt : std::optional(result);
}

std::optional<int64_t> Product(int64_t a, int64_t b) {
  int64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? std::nullopt : std::optional(result);
}

std::optional<int64_t> Quotient(int64_t a, int64_t b) {
  // -1 would overflow for the least number.
  if (b == 0 || b == -1) return std::nullopt;
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

std::optional<int64_t> Remainder(int64_t a, int64_t b) {
  const std::optional<int64_t> quotient = Quotient(a, b);
  return quotient ? std::optional(a - *quotient * b) : std::nullopt;
}

std::optional<int64_t> Larger(int64_t a, int64_t b) { return std::max(a, b); }
std::optional<int64_t> Smaller(int64_t a, int64_t b) { return std::min(a, b); }

Operation OperationOf(std::string_view op) {
  if (HasTrait(op, trait::kSum)) return Sum;
  if (op == "Sub") return Difference;
  if (op == "Mul") return Product;
  if (op == "FloorDiv") return Quotient;
  if (op == "FloorMod") return Remainder;
  if (op == "Maximum") return Larger;
  if (op == "Minimum") return Smaller;
  return nullptr;
}

SmallInteger Apply(Operation operation, const SmallInteger& a, const SmallInteger& b) {
  const bool product = operation == Product || operation == Quotient;
  if (b.Is(product ? 1 : 0) && operation != Remainder && operation != Larger && operation != Smaller) {
    return a;
  }
  if (a.Is(operation == Product ? 1 : 0) && (operation == Product || operation == Sum)) return b;
  if (a.OfBatch() || b.OfBatch()) return {Kind::kSized, 0};
  if (a.kind != Kind::kKnown || b.kind != Kind::kKnown) return {};
  const std::optional<int64_t> result = operation(a.value, b.value);
  return result ? SmallInteger::Known(*result) : SmallInteger();
}

SmallIntegers Elementwise(Operation operation, const List& a, const List& b) {
  if (a.size() != b.size() && a.size() != 1 && b.size() != 1) return std::nullopt;
  List result;
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    result.push_back(Apply(operation, a[a.size() == 1 ? 0 : i], b[b.size() == 1 ? 0 : i]));
  }
  return result;
}

SmallIntegers ConstOf(const FlatNode& node) {
  const auto tensor = proto::AttrTensor(node.Attr("value"));
  if (!tensor) return std::nullopt;
  const TF_DataType dtype = proto::TensorType(*tensor);
  if (dtype != TF_INT32 && dtype != TF_INT64) return std::nullopt;
  size_t count = 1;
  for (const int64_t dim : proto::TensorShape(*tensor).dims) {
    if (dim < 0 || dim > static_cast<int64_t>(kMostElements)) return std::nullopt;
    count *= static_cast<size_t>(dim);
    if (count > kMostElements) return std::nullopt;
  }
  const std::vector<int64_t> values = proto::TensorInts(*tensor);
  List list;
  for (size_t i = 0; i < count; ++i) {
    // A constant may be stored short: its last value then repeats to the end.
    const int64_t value = values.empty() ? 0 : values[std::min(i, values.size() - 1)];
    list.push_back(SmallInteger::Known(value));
  }
  return list;
}

SmallIntegers Joined(const std::vector<SmallIntegers>& inputs, size_t begin, size_t end) {
  List joined;
  for (size_t i = begin; i < end; ++i) {
    const SmallIntegers& each = inputs[i];
    if (!each) return std::nullopt;
    joined.insert(joined.end(), each->begin(), each->end());
  }
  return joined.size() <= kMostElements ? SmallIntegers(joined) : std::nullopt;
}

// Returns the only element if the element is a known number.
std::optional<int64_t> Number(const SmallIntegers& list) {
  if (!list || list->size() != 1 || (*list)[0].kind != Kind::kKnown) return std::nullopt;
  return (*list)[0].value;
}

SmallIntegers RangeOf(const std::vector<SmallIntegers>& inputs) {
  const auto start = Number(inputs[0]);
  const auto limit = Number(inputs[1]);
  const auto delta = Number(inputs[2]);
  if (!start || !limit || !delta || *delta == 0) return std::nullopt;
  List list;
  for (int64_t i = *start; *delta > 0 ? i < *limit : i > *limit;) {
    if (list.size() == kMostElements) return std::nullopt;
    list.push_back(SmallInteger::Known(i));
    if (__builtin_add_overflow(i, *delta, &i)) return std::nullopt;
  }
  return list;
}

SmallIntegers Gathered(const List& from, const List& indices) {
  List list;
  const auto size = static_cast<int64_t>(from.size());
  for (const SmallInteger& index : indices) {
    if (index.kind != Kind::kKnown || index.value < 0 || index.value >= size) return std::nullopt;
    list.push_back(from[static_cast<size_t>(index.value)]);
  }
  return list;
}

bool HasBit(const FlatNode& node, std::string_view mask) {
  return (proto::AttrInt(node.Attr(mask)).value_or(0) & 1) != 0;
}

// Returns a slice of the vector `all` by one range.
SmallIntegers StridedSliceOf(const FlatNode& node, const List& all,
                             const std::vector<SmallIntegers>& inputs) {
  const auto begin = Number(inputs[1]);
  const auto end = Number(inputs[2]);
  const auto stride = Number(inputs[3]);
  if (!stride || *stride == 0 || HasBit(node, "ellipsis_mask") || HasBit(node, "new_axis_mask")) {
    return std::nullopt;
  }
  const auto size = static_cast<int64_t>(all.size());
  if (HasBit(node, "shrink_axis_mask")) {
    if (!begin) return std::nullopt;
    const int64_t at = *begin < 0 ? *begin + size : *begin;
    return Gathered(all, {SmallInteger::Known(at)});
  }
  const bool forward = *stride > 0;
  const int64_t least = forward ? 0 : -1;
  const int64_t most = forward ? size : size - 1;
  const auto bound = [&](std::optional<int64_t> given, bool open,
                         int64_t fallback) -> std::optional<int64_t> {
    if (open) return fallback;
    if (!given) return std::nullopt;
    return std::clamp(*given < 0 ? *given + size : *given, least, most);
  };
  const auto from = bound(begin, HasBit(node, "begin_mask"), forward ? least : most);
  const auto to = bound(end, HasBit(node, "end_mask"), forward ? most : least);
  if (!from || !to) return std::nullopt;
  List list;
  // The bounds are within the list, so a stride beyond the list selects one element.
  const int64_t step = std::clamp(*stride, -size - 1, size + 1);
  for (int64_t i = *from; forward ? i < *to : i > *to; i += step) {
    list.push_back(all[static_cast<size_t>(i)]);
  }
  return list;
}

SmallIntegers SliceOf(const List& all, const std::vector<SmallIntegers>& inputs) {
  const auto begin = Number(inputs[1]);
  const auto size = Number(inputs[2]);
  const auto count = static_cast<int64_t>(all.size());
  if (!begin || !size || *begin < 0 || *begin > count || *size < -1 || *size > count - *begin)
    return std::nullopt;
  const auto first = all.begin() + *begin;
  return List(first, *size < 0 ? all.end() : first + *size);
}

// Returns each element of `list` alone.
std::vector<SmallIntegers> Elements(const List& list) {
  std::vector<SmallIntegers> outputs;
  for (const SmallInteger& element : list) outputs.emplace_back(List{element});
  return outputs;
}

}  // namespace

SmallInteger Multiply(const SmallInteger& a, const SmallInteger& b) { return Apply(Product, a, b); }

std::vector<SmallIntegers> FoldIntegers(const FlatNode& node, const std::vector<SmallIntegers>& inputs) {
  const std::string_view op = node.op;
  if (op == "Const") return {ConstOf(node)};
  if (op == "Pack") {
    if (proto::AttrInt(node.Attr("axis")).value_or(0) != 0) return {};
    return {Joined(inputs, 0, inputs.size())};
  }
  if (op == "ConcatV2" && !inputs.empty()) return {Joined(inputs, 0, inputs.size() - 1)};
  if (op == "Range" && inputs.size() == 3) return {RangeOf(inputs)};
  if (op == "Split" && inputs.size() == 2) {
    const int64_t count = proto::AttrInt(node.Attr("num_split")).value_or(0);
    const SmallIntegers& whole = inputs[1];
    if (!whole || count != static_cast<int64_t>(whole->size())) return {};
    return Elements(*whole);
  }
  if (inputs.empty()) return {};
  const SmallIntegers none;
  const SmallIntegers& first = inputs[0];
  const SmallIntegers& second = inputs.size() > 1 ? inputs[1] : none;
  if (!first) return {};
  if (op == "Unpack") return Elements(*first);
  if (HasAnyTrait(op, {trait::kView, trait::kConverts}) && op != "IdentityN") return {first};
  if (op == "Neg") return {Elementwise(Difference, {SmallInteger::Known(0)}, *first)};
  const Operation operation = OperationOf(op);
  if (operation != nullptr && inputs.size() == 2 && second) {
    return {Elementwise(operation, *first, *second)};
  }
  if (op == "Prod") {
    SmallInteger product = SmallInteger::Known(1);
    for (const SmallInteger& element : *first) product = Multiply(product, element);
    return {List{product}};
  }
  if (op == "GatherV2" && inputs.size() == 3 && second) return {Gathered(*first, *second)};
  if (op == "StridedSlice" && inputs.size() == 4) return {StridedSliceOf(node, *first, inputs)};
  if (op == "Slice" && inputs.size() == 3) return {SliceOf(*first, inputs)};
  return {};
}

}  // namespace ke::graph
