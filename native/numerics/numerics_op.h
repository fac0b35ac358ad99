// The op that a value passes through on its way from the op that gave it to those that use it: it fails where
// the value holds NaN or Inf that the op had not been given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tensorflow/error.h"
#include "tensorflow/handles.h"

namespace ke::graph {

// Who gave a value, as far as a graph's names tell.
struct Origin {
  std::string op;    // the model's own node name, else that of the graph
  std::string type;  // "Log"; "Weight", "Input" for what is no computation
  bool of_model = false;
  bool backward = false;  // given by the gradient of `op`
};

// INVALID_ARGUMENT, with `op` as in its origin.
class NumericsError : public tf::Error {
 public:
  NumericsError(Origin origin, std::string value);

  const Origin& origin() const { return origin_; }
  const std::string& value() const { return value_; }  // "NaN" or "Inf"

 private:
  Origin origin_;
  std::string value_;
};

// One check. Of its inputs, the first is the value; then `given`, what its op was given: Inf among that
// excuses Inf in the value; then those that were `let_pass` unchecked because the op may select them away:
// where the value is not finite, the first of these that is not is to blame, by its own origin.
struct NumericsCheck {
  Origin origin;
  std::vector<Origin> let_pass;
};

const std::string& NumericsOpName();
// Tells TensorFlow of the op; idempotent and thread-safe.
void RegisterNumericsOp();
// The value of its attribute "blame".
std::string Serialize(const NumericsCheck& check);

// The failure of such an op, where `message`, of a session's run, tells of one.
std::optional<NumericsError> FindNumericsError(const std::string& message);

// What a floating tensor holds at worst. Of another dtype: finite.
enum class Worst { kFinite, kInf, kNan };
Worst WorstOf(const TF_Tensor* tensor);

}  // namespace ke::graph
