#include "cluster/message_size.h"

#include "tensorflow/error.h"

namespace ke::runtime {

namespace {

// One gRPC message holds at most this many bytes. TensorFlow ends the process where a message is larger.
constexpr size_t kMessageBytes = (size_t{2} << 30) - (size_t{1} << 20);

}  // namespace

void CheckMessageSize(size_t bytes, const std::string& what) {
  if (bytes < kMessageBytes) return;
  throw tf::Error(TF_INVALID_ARGUMENT,
                  what + " has " + std::to_string(bytes) +
                      " bytes: what is sent to a worker at once must have less than 2 GB");
}

}  // namespace ke::runtime
