// The check op, between the op that computes a value and its consumers. The check fails if the value contains
// a NaN or Inf that the inputs of the op did not contain.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tensorflow/error.h"
#include "tensorflow/handles.h"

namespace ke::graph {

// The op that computed a value, according to the names in the graph.
struct Origin {
  std::string op;    // the name of the node in the model, else its name in the graph
  std::string type;  // "Log"; "Weight" or "Input" if no op computed the value
  bool of_model = false;
  bool backward = false;  // computed by the gradient of `op`
};

// INVALID_ARGUMENT with the `op` of the origin.
class NumericsError : public tf::Error {
 public:
  NumericsError(Origin origin, std::string value);

  const Origin& origin() const { return origin_; }
  const std::string& value() const { return value_; }  // "NaN" or "Inf"

 private:
  Origin origin_;
  std::string value_;
};

// One check. Its first input is the value. The next inputs are the inputs of the op: an Inf among them
// permits an Inf in the value. The last inputs, `let_pass`, are unchecked values that the op may omit. If the
// value is not finite, the first of the last inputs that is not finite caused the error and is reported with
// its own origin.
struct NumericsCheck {
  Origin origin;
  std::vector<Origin> let_pass;
};

const std::string& NumericsOpName();
// Registers the op with TensorFlow. Idempotent and thread-safe.
void RegisterNumericsOp();
// Returns the value of the op's attribute "blame".
std::string Serialize(const NumericsCheck& check);

// Returns the failure of a check op if `message`, an error of a session's run, contains one.
std::optional<NumericsError> FindNumericsError(const std::string& message);

// The worst kind of value in a floating tensor. Tensors of other dtypes count as finite.
enum class Worst { kFinite, kInf, kNan };
Worst WorstOf(const TF_Tensor* tensor);

}  // namespace ke::graph
