// Ops of our own: what they and their kernels have in common.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "tensorflow/handles.h"
#include "tensorflow/kernel_order.h"

namespace ke::tf {

// A name for an op of this copy of the addon. A copy at another path (of another version, say) shares
// TensorFlow with this one, and TensorFlow ends the process where an op is registered twice.
std::string OwnOpName(const char* name);
// Whether an op has such a name, of any copy.
bool IsOwnOp(std::string_view op);

struct OwnOp {
  std::string name;
  std::vector<const char*> inputs;  // "value: T"
  const char* output;
  std::vector<const char*> attrs;  // "counted: bool"
  void (*infer_shape)(TF_ShapeInferenceContext*, TF_Status*);
  void* (*create)(TF_OpKernelConstruction*);
  void (*compute)(void*, TF_OpKernelContext*);
  void (*destroy)(void*);
};

// Tells TensorFlow of an op; once per process. What it does is never folded, shared with an equal op, or left
// out where its output is used. Its kernels read host memory, on a GPU too. Throws tf::Error.
void RegisterOwnOp(const OwnOp& op);

// For OwnOp::infer_shape.
void InferScalar(TF_ShapeInferenceContext* context, TF_Status* status) noexcept;
void InferFirstInput(TF_ShapeInferenceContext* context, TF_Status* status) noexcept;

// For kernels.
TensorPtr KernelInput(TF_OpKernelContext* context, int index);
// The memory itself, without a copy.
void SetKernelOutput(TF_OpKernelContext* context, const TensorPtr& tensor);
void FailKernel(TF_OpKernelContext* context, TF_Code code, const char* message) noexcept;

// Runs `compute`; what it throws fails the op. `kernel`: what OwnOp::create made, or null.
template <typename Compute>
void GuardedKernel(void* kernel, TF_OpKernelContext* context, Compute compute) noexcept {
  KernelBegins(kernel);
  try {
    compute();
  } catch (const Error& error) {
    FailKernel(context, error.code(), error.what());
  } catch (const std::exception& error) {
    FailKernel(context, TF_INTERNAL, error.what());
  }
  KernelEnds();
}

}  // namespace ke::tf
