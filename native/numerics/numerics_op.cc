#include "numerics/numerics_op.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "tensorflow/own_op.h"

namespace ke::graph {

using tf::C;

namespace {

// None of these characters occurs in the name of a node: [A-Za-z0-9_>./\\-]. One origin is
// "pass|owner|type|op".
constexpr char kField = '|';
constexpr char kOrigin = ';';
constexpr char kMessage[] = "keras-explainable numerics|";

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string Serialize(const Origin& origin) {
  return std::string(origin.backward ? "backward" : "forward") + kField +
         (origin.of_model ? "model" : "method") + kField + origin.type + kField + origin.op;
}

// Returns the worst kind of value. The exponent tells whether a number is finite, and the other bits
// distinguish Inf from NaN. The maximum of the bit patterns without sign therefore determines the result, in
// a loop that compilers vectorise.
template <typename Bits>
Worst Scan(const void* data, size_t count, Bits infinity) {
  const auto* bits = static_cast<const Bits*>(data);
  const Bits without_sign = static_cast<Bits>(~(Bits{1} << (8 * sizeof(Bits) - 1)));
  Bits largest = 0;
  for (size_t i = 0; i < count; ++i) {
    largest = std::max(largest, static_cast<Bits>(bits[i] & without_sign));
  }
  if (largest < infinity) return Worst::kFinite;
  return largest == infinity ? Worst::kInf : Worst::kNan;
}

// The parts of the attribute: the op's own origin, then the origins of the unchecked values.
using Kernel = std::vector<std::string>;

void* Create(TF_OpKernelConstruction* construction) noexcept {
  tf::Status status;
  Kernel* kernel = nullptr;
  int32_t list_size = 0;
  int32_t length = 0;
  C().TF_OpKernelConstruction_GetAttrSize(construction, "blame", &list_size, &length, status);
  try {
    std::string blame(static_cast<size_t>(std::max(length, 0)), '\0');
    if (status.ok()) {
      C().TF_OpKernelConstruction_GetAttrString(construction, "blame", blame.data(), blame.size(), status);
    }
    if (status.ok()) kernel = new Kernel(Split(blame, kOrigin));
  } catch (const std::bad_alloc&) {
    C().TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, "no memory for a kernel");
  }
  if (!status.ok()) C().TF_OpKernelConstruction_Failure(construction, status);
  tf::KernelIsMade(kernel);
  return kernel;
}

[[noreturn]] void Blame(const std::string& origin, Worst worst) {
  throw tf::Error(TF_INVALID_ARGUMENT,
                  std::string(kMessage) + (worst == Worst::kNan ? "NaN" : "Inf") + kField + origin + kField);
}

void Compute(void* state, TF_OpKernelContext* context) noexcept {
  tf::GuardedKernel(state, context, [&] {
    const Kernel& kernel = *static_cast<const Kernel*>(state);
    const tf::TensorPtr value = tf::KernelInput(context, 0);
    if (const Worst worst = WorstOf(value.get()); worst != Worst::kFinite) {
      const int inputs = C().TF_NumInputs(context);
      const int first = inputs - (static_cast<int>(kernel.size()) - 1);  // the first of the unchecked values
      for (int i = first; i < inputs; ++i) {
        const Worst passed = WorstOf(tf::KernelInput(context, i).get());
        if (passed != Worst::kFinite) Blame(kernel[i - first + 1], passed);
      }
      bool excused = false;
      for (int i = 1; i < first && worst == Worst::kInf && !excused; ++i) {
        excused = WorstOf(tf::KernelInput(context, i).get()) != Worst::kFinite;
      }
      if (!excused) Blame(kernel[0], worst);
    }
    tf::SetKernelOutput(context, value);
  });
}

void Destroy(void* state) noexcept { delete static_cast<Kernel*>(state); }

std::string Describe(const Origin& origin, const std::string& value) {
  const std::string op = "'" + origin.op + "' (" + origin.type + ")";
  return (origin.backward ? "the gradient of op " + op : "op " + op) + " gave " + value;
}

}  // namespace

NumericsError::NumericsError(Origin origin, std::string value)
    : tf::Error(TF_INVALID_ARGUMENT, Describe(origin, value), origin.op),
      origin_(std::move(origin)),
      value_(std::move(value)) {}

Worst WorstOf(const TF_Tensor* tensor) {
  const void* data = C().TF_TensorData(tensor);
  const auto count = static_cast<size_t>(C().TF_TensorElementCount(tensor));
  switch (C().TF_TensorType(tensor)) {
    case TF_FLOAT:
      return Scan<uint32_t>(data, count, 0x7f800000U);
    case TF_DOUBLE:
      return Scan<uint64_t>(data, count, 0x7ff0000000000000ULL);
    case TF_HALF:
      return Scan<uint16_t>(data, count, 0x7c00U);
    case TF_BFLOAT16:
      return Scan<uint16_t>(data, count, 0x7f80U);
    default:
      return Worst::kFinite;
  }
}

const std::string& NumericsOpName() {
  static const std::string& name = *new std::string(tf::OwnOpName("Numerics"));
  return name;
}

void RegisterNumericsOp() {
  static std::once_flag once;
  std::call_once(once, [] {
    tf::RegisterOwnOp({NumericsOpName(),
                       {"value: T", "others: others_types"},
                       "checked: T",
                       {"T: {half, bfloat16, float, double}",
                        "others_types: list({half, bfloat16, float, double}) >= 0", "blame: string"},
                       tf::InferFirstInput,
                       Create,
                       Compute,
                       Destroy});
  });
}

std::string Serialize(const NumericsCheck& check) {
  std::string blame = Serialize(check.origin);
  for (const Origin& origin : check.let_pass) blame += kOrigin + Serialize(origin);
  return blame;
}

std::optional<NumericsError> FindNumericsError(const std::string& message) {
  const size_t begin = message.find(kMessage);
  if (begin == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields = Split(message.substr(begin + sizeof kMessage - 1), kField);
  if (fields.size() < 6) return std::nullopt;  // the rest after the last separator is TensorFlow's
  Origin origin;
  origin.backward = fields[1] == "backward";
  origin.of_model = fields[2] == "model";
  origin.type = fields[3];
  origin.op = fields[4];
  return NumericsError(std::move(origin), fields[0]);
}

}  // namespace ke::graph
