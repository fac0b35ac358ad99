#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "tensorflow/c_types.h"

namespace ke::tf {

// The error class of native code. `code` is TensorFlow's code. `op` names the node (and so the Keras layer)
// that failed, and is empty if no single node caused the error. The binding turns an Error into a
// KerasExplainableError.
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

// Returns the name of a code as TensorFlow's own messages spell the name: "INVALID_ARGUMENT" for
// TF_INVALID_ARGUMENT.
const char* CodeName(TF_Code code);

}  // namespace ke::tf
