#include "import/hash_strings.h"

#include "ir/flat_graph.h"
#include "tensorflow/import_graph.h"
#include "wire/write_tensor.h"

namespace ke::graph {

using tf::C;

std::vector<int64_t> HashStrings(const std::vector<std::string>& strings, int64_t buckets) {
  const FlatNode text{
      FlatNode::Kind::kOp,
      "text",
      "Const",
      {},
      {{"dtype", TypeAttr(TF_STRING)}, {"value", StringTensorAttr({std::ssize(strings)}, strings)}}};
  const FlatNode hash{
      FlatNode::Kind::kOp, "hash", "StringToHashBucketFast", {}, {{"num_buckets", IntAttr(buckets)}}};
  std::string graph_def;
  AppendNode(text, {}, &graph_def);
  AppendNode(hash, {text.name}, &graph_def);
  const tf::GraphPtr graph = tf::GraphOf(graph_def);
  const TF_Output output{C().TF_GraphOperationByName(graph.get(), hash.name.c_str()), 0};
  tf::Status status;
  TF_Tensor* value = nullptr;
  const bool found = C().TF_TryEvaluateConstant(graph.get(), output, &value, status) != 0;
  const tf::TensorPtr owned(value);
  status.Check(hash.name);
  if (!found || value == nullptr || C().TF_TensorType(value) != TF_INT64 ||
      C().TF_TensorElementCount(value) != std::ssize(strings)) {
    throw tf::Error(TF_INTERNAL, "TensorFlow did not compute the hashes of the keys of a lookup table");
  }
  const auto* data = static_cast<const int64_t*>(C().TF_TensorData(value));
  return {data, data + strings.size()};
}

}  // namespace ke::graph
