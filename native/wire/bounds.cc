#include "wire/bounds.h"

#include <algorithm>

#include "tensorflow/handles.h"

namespace ke::graph {

using tf::C;

namespace {

// The size of a TF_TString.
constexpr int64_t kStringBytes = 24;

// Returns the bytes of an element, or 0 for a dtype that a constant of a model must not have: resources,
// variants.
int64_t BytesOf(TF_DataType dtype) {
  return dtype == TF_STRING ? kStringBytes : static_cast<int64_t>(C().TF_DataTypeSize(dtype));
}

void CheckTensor(proto::Bytes tensor, const std::string& what, std::string_view node, Allowance* repeated) {
  const Shape shape = proto::TensorShape(tensor);
  CheckShape(shape, what, node);
  if (!shape.IsFullyKnown()) {
    throw tf::Error(TF_DATA_LOSS, what + " is of shape " + ToString(shape) + ": a constant's must be known",
                    std::string(node));
  }
  const TF_DataType dtype = proto::TensorType(tensor);
  const int64_t size = BytesOf(dtype);
  if (size == 0) {
    throw tf::Error(
        TF_UNIMPLEMENTED,
        what + " is of dtype " + std::to_string(dtype) + ", of which a model may hold no constant",
        std::string(node));
  }
  const int64_t elements = Elements(shape);
  const int64_t content = static_cast<int64_t>(proto::TensorContent(tensor).size());
  if (dtype != TF_STRING && content > 0 && content != elements * size) {
    throw tf::Error(TF_DATA_LOSS,
                    what + " is damaged: expected " + std::to_string(elements * size) + " bytes for shape " +
                        ToString(shape) + ", found " + std::to_string(content),
                    std::string(node));
  }
  repeated->Take(std::max<int64_t>(0, elements * size - static_cast<int64_t>(tensor.size())), what, node);
}

}  // namespace

void TooMuch(const std::string& what, int64_t most, const std::string& unit, std::string_view node) {
  throw tf::Error(
      TF_OUT_OF_RANGE,
      what + " is beyond any real model: at most " + std::to_string(most) + " " + unit + " are taken",
      std::string(node));
}

void CheckShape(const Shape& shape, const std::string& what, std::string_view node) {
  if (shape.dims.size() > tf::kMostAxes) {
    TooMuch("the rank of " + what, tf::kMostAxes, "dimensions", node);
  }
  int64_t elements = 1;
  for (const int64_t dim : shape.dims) {
    if (dim < -1) {
      throw tf::Error(TF_DATA_LOSS, what + " has a dimension of " + std::to_string(dim), std::string(node));
    }
    // The dims of an empty tensor are checked too: TensorFlow multiplies dims in any order.
    const int64_t factor = std::max<int64_t>(dim, 1);
    if (factor > bounds::kElements / elements)
      TooMuch("shape " + ToString(shape) + " of " + what, bounds::kElements, "elements", node);
    elements *= factor;
  }
}

int64_t Elements(const Shape& shape) {
  int64_t elements = 1;
  for (const int64_t dim : shape.dims) elements *= dim;
  return elements;
}

void CheckAttr(proto::Bytes attr, std::string_view name, std::string_view node, Allowance* repeated) {
  const auto what = [&] { return "attribute '" + std::string(name) + "' of '" + std::string(node) + "'"; };
  if (proto::IsInParts(attr)) {
    throw tf::Error(TF_DATA_LOSS, what() + " contradicts itself: it is written more than once",
                    std::string(node));
  }
  for (const Shape& shape : proto::AttrShapes(attr)) CheckShape(shape, what(), node);
  for (const proto::Bytes tensor : proto::AttrTensors(attr)) CheckTensor(tensor, what(), node, repeated);
}

}  // namespace ke::graph
