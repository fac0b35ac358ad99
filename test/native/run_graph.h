// Runs graphs in tests. Values are doubles for every dtype.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "build/scope.h"
#include "tensorflow/handles.h"

namespace ke::test {

inline int64_t ElementCount(const std::vector<int64_t>& dims) {
  int64_t count = 1;
  for (const int64_t dim : dims) count *= dim;
  return count;
}

template <typename T>
tf::TensorPtr Converted(TF_DataType dtype, const std::vector<int64_t>& dims,
                        const std::vector<double>& values) {
  std::vector<T> typed;
  for (const double value : values) typed.push_back(static_cast<T>(value));
  if (static_cast<int64_t>(typed.size()) != ElementCount(dims)) {
    throw std::invalid_argument("a test's tensor has " + std::to_string(typed.size()) +
                                " values, its shape " + std::to_string(ElementCount(dims)));
  }
  return tf::MakeTensor(dtype, dims, typed.data());
}

// Makes a tensor of float32, float64, int32, int64 or bool.
inline tf::TensorPtr MakeTensor(TF_DataType dtype, const std::vector<int64_t>& dims,
                                const std::vector<double>& values) {
  switch (dtype) {
    case TF_FLOAT:
      return Converted<float>(dtype, dims, values);
    case TF_DOUBLE:
      return Converted<double>(dtype, dims, values);
    case TF_INT32:
      return Converted<int32_t>(dtype, dims, values);
    case TF_INT64:
      return Converted<int64_t>(dtype, dims, values);
    case TF_BOOL:
      return Converted<uint8_t>(dtype, dims, values);
    default:
      throw std::invalid_argument("no test tensor of dtype " + std::to_string(dtype));
  }
}

template <typename T>
std::vector<double> Widened(const TF_Tensor* tensor) {
  const auto* values = static_cast<const T*>(tf::C().TF_TensorData(tensor));
  return {values, values + tf::C().TF_TensorElementCount(tensor)};
}

inline std::vector<double> ToDoubles(const TF_Tensor* tensor) {
  switch (tf::C().TF_TensorType(tensor)) {
    case TF_FLOAT:
      return Widened<float>(tensor);
    case TF_DOUBLE:
      return Widened<double>(tensor);
    case TF_INT32:
      return Widened<int32_t>(tensor);
    case TF_INT64:
      return Widened<int64_t>(tensor);
    case TF_BOOL:
      return Widened<uint8_t>(tensor);
    default:
      throw std::invalid_argument("no doubles of dtype " + std::to_string(tf::C().TF_TensorType(tensor)));
  }
}

using Feed = std::pair<TF_Output, const TF_Tensor*>;

// A session over a scope's graph. Ops that are added after a run are included in the next run.
class GraphRunner {
 public:
  // `optimize`: false to skip TensorFlow's graph optimiser, which is slow for very deep graphs.
  explicit GraphRunner(const graph::Scope& scope, bool optimize = true) {
    tf::Status status;
    const tf::SessionOptionsPtr options(tf::C().TF_NewSessionOptions());
    // ConfigProto { graph_options (10) { rewrite_options (10) { disable_meta_optimizer (19): true } } }
    const std::string plain = "\x52\x05\x52\x03\x98\x01\x01";
    if (!optimize) tf::C().TF_SetConfig(options.get(), plain.data(), plain.size(), status);
    status.Check();
    session_ = tf::C().TF_NewSession(scope.graph(), options.get(), status);
    status.Check();
    for (const graph::Scope::Initializer& initializer : scope.initializers()) {
      TF_Tensor* value = initializer.value.get();
      const TF_Operation* assign = initializer.assign;
      tf::C().TF_SessionRun(session_, nullptr, &initializer.feed, &value, 1, nullptr, nullptr, 0, &assign, 1,
                            nullptr, status);
      status.Check();
    }
  }
  GraphRunner(const GraphRunner&) = delete;
  GraphRunner& operator=(const GraphRunner&) = delete;
  ~GraphRunner() {
    tf::Status status;
    tf::C().TF_DeleteSession(session_, status);
  }

  std::vector<tf::TensorPtr> Run(const std::vector<Feed>& feeds, const std::vector<TF_Output>& fetches) {
    std::vector<TF_Output> inputs;
    std::vector<TF_Tensor*> values;
    for (const auto& [input, value] : feeds) {
      inputs.push_back(input);
      values.push_back(const_cast<TF_Tensor*>(value));
    }
    std::vector<TF_Tensor*> results(fetches.size(), nullptr);
    tf::Status status;
    tf::C().TF_SessionRun(session_, nullptr, inputs.data(), values.data(), static_cast<int>(inputs.size()),
                          fetches.data(), results.data(), static_cast<int>(fetches.size()), nullptr, 0,
                          nullptr, status);
    std::vector<tf::TensorPtr> owned(results.size());
    for (size_t i = 0; i < results.size(); ++i) owned[i].reset(results[i]);
    status.Check();
    return owned;
  }

  std::vector<double> RunOne(const std::vector<Feed>& feeds, TF_Output fetch) {
    return ToDoubles(Run(feeds, {fetch})[0].get());
  }

 private:
  TF_Session* session_ = nullptr;
};

}  // namespace ke::test
