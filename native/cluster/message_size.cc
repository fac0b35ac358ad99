#include "cluster/message_size.h"

#include "tensorflow/error.h"

namespace ke::runtime {

namespace {

// The maximum size of one gRPC message. TensorFlow ends the process for a larger message.
constexpr size_t kMessageBytes = (size_t{2} << 30) - (size_t{1} << 20);

}  // namespace

void CheckMessageSize(size_t bytes, const std::string& what) {
  if (bytes < kMessageBytes) return;
  throw tf::Error(TF_INVALID_ARGUMENT, what + " has " + std::to_string(bytes) +
                                           " bytes: one message to a worker must have less than 2 GB");
}

}  // namespace ke::runtime
