#include "tensorflow/own_op.h"

#include <cstdio>

#include "tensorflow/device_kind.h"

namespace ke::tf {

namespace {

constexpr char kPrefix[] = "KerasExplainable";

std::string ArgumentName(const std::string& specification) {
  return specification.substr(0, specification.find(':'));
}

}  // namespace

std::string OwnOpName(const char* name) {
  static const char here = 0;
  char text[64];
  std::snprintf(text, sizeof text, "%s%s_%p", kPrefix, name, static_cast<const void*>(&here));
  return text;
}

bool IsOwnOp(std::string_view op) { return op.starts_with(kPrefix); }

void RegisterOwnOp(const OwnOp& op) {
  TF_OpDefinitionBuilder* builder = C().TF_NewOpDefinitionBuilder(op.name.c_str());
  for (const char* input : op.inputs) C().TF_OpDefinitionBuilderAddInput(builder, input);
  C().TF_OpDefinitionBuilderAddOutput(builder, op.output);
  for (const char* attr : op.attrs) C().TF_OpDefinitionBuilderAddAttr(builder, attr);
  C().TF_OpDefinitionBuilderSetIsStateful(builder, true);
  C().TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, op.infer_shape);
  Status status;
  C().TF_RegisterOpDefinition(builder, status);
  status.Check(op.name);

  // The kernels are registered for accelerators too, with host memory. An op that only the CPU has would move
  // its loop to the CPU in every turn.
  for (const DeviceKind& device : kDeviceKinds) {
    TF_KernelBuilder* kernel =
        C().TF_NewKernelBuilder(op.name.c_str(), device.name, op.create, op.compute, op.destroy);
    for (const char* input : op.inputs) C().TF_KernelBuilder_HostMemory(kernel, ArgumentName(input).c_str());
    C().TF_KernelBuilder_HostMemory(kernel, ArgumentName(op.output).c_str());
    C().TF_RegisterKernelBuilder(op.name.c_str(), kernel, status);
    status.Check(op.name);
  }
}

void InferScalar(TF_ShapeInferenceContext* context, TF_Status* status) noexcept {
  TF_ShapeHandle* scalar = C().TF_ShapeInferenceContextScalar(context);
  C().TF_ShapeInferenceContextSetOutput(context, 0, scalar, status);
  C().TF_DeleteShapeHandle(scalar);
}

void InferFirstInput(TF_ShapeInferenceContext* context, TF_Status* status) noexcept {
  TF_ShapeHandle* shape = C().TF_NewShapeHandle();
  C().TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (C().TF_GetCode(status) == TF_OK) C().TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
  C().TF_DeleteShapeHandle(shape);
}

TensorPtr KernelInput(TF_OpKernelContext* context, int index) {
  TF_Tensor* input = nullptr;
  Status status;
  C().TF_GetInput(context, index, &input, status);
  status.Check();
  return TensorPtr(input);
}

void SetKernelOutput(TF_OpKernelContext* context, const TensorPtr& tensor) {
  Status status;
  C().TF_SetOutput(context, 0, tensor.get(), status);
  status.Check();
}

void FailKernel(TF_OpKernelContext* context, TF_Code code, const char* message) noexcept {
  Status status;
  C().TF_SetStatus(status, code, message);
  C().TF_OpKernelContext_Failure(context, status);
}

}  // namespace ke::tf
