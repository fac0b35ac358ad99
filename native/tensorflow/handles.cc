#include "tensorflow/handles.h"

#include <limits>

namespace ke::tf {

size_t TensorBytes(TF_DataType dtype, const std::vector<int64_t>& dims) {
  const size_t item = C().TF_DataTypeSize(dtype);
  if (item == 0) {
    throw Error(TF_INVALID_ARGUMENT, "dtype " + std::to_string(dtype) + " has no fixed size per element");
  }
  if (dims.size() > kMostAxes) {
    throw Error(TF_INVALID_ARGUMENT, "a shape has " + std::to_string(dims.size()) + " axes, more than the " +
                                         std::to_string(kMostAxes) + " that TensorFlow has");
  }
  // Axes of size 0 are left out of the product. TensorFlow multiplies the other sizes even if one size is 0,
  // and ends the process when the product overflows.
  size_t bytes = item;
  bool empty = false;
  for (const int64_t dim : dims) {
    if (dim < 0) throw Error(TF_INVALID_ARGUMENT, "a dimension is negative: " + std::to_string(dim));
    const auto size = static_cast<size_t>(dim);
    empty = empty || size == 0;
    if (size != 0 && bytes > std::numeric_limits<int64_t>::max() / size) {
      throw Error(TF_INVALID_ARGUMENT, "the shape has more bytes than 64 bits can count");
    }
    if (size != 0) bytes *= size;
  }
  return empty ? 0 : bytes;
}

TensorPtr AllocateTensor(TF_DataType dtype, const std::vector<int64_t>& dims) {
  const size_t bytes = TensorBytes(dtype, dims);
  TensorPtr tensor(C().TF_AllocateTensor(dtype, dims.data(), static_cast<int>(dims.size()), bytes));
  if (tensor == nullptr || (bytes > 0 && C().TF_TensorData(tensor.get()) == nullptr)) {
    throw Error(TF_RESOURCE_EXHAUSTED, "no memory for a tensor of " + std::to_string(bytes) + " bytes");
  }
  return tensor;
}

std::vector<int64_t> Dims(const TF_Tensor* tensor) {
  std::vector<int64_t> dims(C().TF_NumDims(tensor));
  for (size_t i = 0; i < dims.size(); ++i) dims[i] = C().TF_Dim(tensor, static_cast<int>(i));
  return dims;
}

}  // namespace ke::tf
