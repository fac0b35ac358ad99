// The common parts of the ops that this addon registers with TensorFlow, and of the kernels of these ops.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "tensorflow/handles.h"
#include "tensorflow/kernel_order.h"

namespace ke::tf {

// Returns a name for an op that is unique to this copy of the addon. Another copy of the addon at another
// path (for example another version) shares TensorFlow with this copy, and TensorFlow ends the process when
// an op is registered twice.
std::string OwnOpName(const char* name);
// Returns whether `op` was named by OwnOpName, in this or another copy of the addon.
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

// Registers an op with TensorFlow. Call RegisterOwnOp once per op and process. TensorFlow never folds the op,
// never merges the op with an equal op, and never removes the op while the output is used. The kernels read
// host memory, on a GPU too. Throws tf::Error.
void RegisterOwnOp(const OwnOp& op);

// Shape functions for OwnOp::infer_shape.
void InferScalar(TF_ShapeInferenceContext* context, TF_Status* status) noexcept;
void InferFirstInput(TF_ShapeInferenceContext* context, TF_Status* status) noexcept;

// Helpers for kernels.
TensorPtr KernelInput(TF_OpKernelContext* context, int index);
// Passes on the tensor's memory without a copy.
void SetKernelOutput(TF_OpKernelContext* context, const TensorPtr& tensor);
void FailKernel(TF_OpKernelContext* context, TF_Code code, const char* message) noexcept;

// Runs `compute`. An exception of `compute` fails the op. `kernel` is the object that OwnOp::create returned,
// or null.
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
