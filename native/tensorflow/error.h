#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "tensorflow/c_types.h"

namespace ke::tf {

// What native code throws. `code` is TensorFlow's; `op` names the node (and so the Keras layer) where it
// happened and is empty where no single node is at fault. The binding turns it into a KerasExplainableError.
class Error : public std::runtime_error {
 public:
  Error(TF_Code code, const std::string& message, std::string op = {})
      : std::runtime_error(message), code_(code), op_(std::move(op)) {}

  TF_Code code() const { return code_; }
  const std::string& op() const { return op_; }

 private:
  TF_Code code_;
  std::string op_;
};

// "INVALID_ARGUMENT" for TF_INVALID_ARGUMENT: the names that TensorFlow's own messages use.
const char* CodeName(TF_Code code);

}  // namespace ke::tf
