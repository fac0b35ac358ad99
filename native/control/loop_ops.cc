#include "control/loop_ops.h"

#include <cstdio>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "control/run_control.h"

namespace ke::control {

using graph::Scope;
using tf::C;

namespace {

constexpr char kShardNumber[] = "keras_explainable_shard";

// A copy of the addon at another path (of another version, say) shares TensorFlow with this one, and
// TensorFlow ends the process where an op is registered twice. So each copy has ops of its own, which find
// the shards of that copy.
std::string OpName(const char* name) {
  static const char here = 0;
  char text[64];
  std::snprintf(text, sizeof text, "KerasExplainable%s_%p", name, static_cast<const void*>(&here));
  return text;
}

const std::string& GateName() {
  static const std::string& name = *new std::string(OpName("Gate"));
  return name;
}

const std::string& AnnouncementName() {
  static const std::string& name = *new std::string(OpName("Announcement"));
  return name;
}

// A scalar that an op is given: the tensor, and its value.
template <typename T>
struct ScalarInput {
  ScalarInput(TF_OpKernelContext* context, int index) {
    TF_Tensor* input = nullptr;
    tf::Status status;
    C().TF_GetInput(context, index, &input, status);
    status.Check();
    tensor.reset(input);
    value = *static_cast<const T*>(C().TF_TensorData(input));
  }

  tf::TensorPtr tensor;
  T value;
};

void SetOutput(TF_OpKernelContext* context, const tf::TensorPtr& tensor) {
  tf::Status status;
  C().TF_SetOutput(context, 0, tensor.get(), status);
  status.Check();
}

// Runs `compute`; what it throws fails the op.
template <typename Compute>
void Guarded(TF_OpKernelContext* context, Compute compute) noexcept {
  const auto fail = [context](TF_Code code, const char* message) {
    tf::Status status;
    C().TF_SetStatus(status, code, message);
    C().TF_OpKernelContext_Failure(context, status);
  };
  try {
    compute();
  } catch (const tf::Error& error) {
    fail(error.code(), error.what());
  } catch (const std::exception& error) {
    fail(TF_INTERNAL, error.what());
  }
}

// The kernel of one gate in one session: the address by which a shard knows the loop.
struct Gate {
  bool counted = false;
};

void* CreateGate(TF_OpKernelConstruction* construction) noexcept {
  tf::Status status;
  unsigned char counted = 0;
  C().TF_OpKernelConstruction_GetAttrBool(construction, "counted", &counted, status);
  auto* gate = new (std::nothrow) Gate{counted != 0};
  if (gate == nullptr) C().TF_SetStatus(status, TF_RESOURCE_EXHAUSTED, "no memory for a kernel");
  if (!status.ok()) C().TF_OpKernelConstruction_Failure(construction, status);
  return gate;
}

void ComputeGate(void* kernel, TF_OpKernelContext* context) noexcept {
  Guarded(context, [&] {
    const ScalarInput<unsigned char> more(context, 0);
    const ScalarInput<int32_t> number(context, 1);
    if (RunningShard* shard = RunningShard::Find(number.value)) {
      if (shard->cancelled()) throw tf::Error(TF_CANCELLED, "the run was cancelled");
      if (static_cast<const Gate*>(kernel)->counted) shard->Turn(kernel, more.value != 0);
    }
    SetOutput(context, more.tensor);
  });
}

void DeleteGate(void* kernel) noexcept { delete static_cast<Gate*>(kernel); }

void* CreateAnnouncement(TF_OpKernelConstruction*) noexcept { return nullptr; }

void ComputeAnnouncement(void*, TF_OpKernelContext* context) noexcept {
  Guarded(context, [&] {
    const ScalarInput<int32_t> number(context, 0);
    const ScalarInput<int32_t> count(context, 1);
    if (RunningShard* shard = RunningShard::Find(number.value)) shard->Announce(count.value);
    SetOutput(context, number.tensor);
  });
}

void DeleteAnnouncement(void*) noexcept {}

void InferScalar(TF_ShapeInferenceContext* context, TF_Status* status) noexcept {
  TF_ShapeHandle* scalar = C().TF_ShapeInferenceContextScalar(context);
  C().TF_ShapeInferenceContextSetOutput(context, 0, scalar, status);
  C().TF_DeleteShapeHandle(scalar);
}

struct OpDefinition {
  const std::string& name;
  std::vector<const char*> inputs;
  const char* output;
  std::vector<const char*> attrs;
  void* (*create)(TF_OpKernelConstruction*);
  void (*compute)(void*, TF_OpKernelContext*);
  void (*destroy)(void*);
};

std::string ArgumentName(const std::string& specification) {
  return specification.substr(0, specification.find(':'));
}

void Register(const OpDefinition& op) {
  TF_OpDefinitionBuilder* builder = C().TF_NewOpDefinitionBuilder(op.name.c_str());
  for (const char* input : op.inputs) C().TF_OpDefinitionBuilderAddInput(builder, input);
  C().TF_OpDefinitionBuilderAddOutput(builder, op.output);
  for (const char* attr : op.attrs) C().TF_OpDefinitionBuilderAddAttr(builder, attr);
  // What a stateful op does is never folded, shared with an equal op, or left out where its output is used.
  C().TF_OpDefinitionBuilderSetIsStateful(builder, true);
  C().TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, InferScalar);
  tf::Status status;
  C().TF_RegisterOpDefinition(builder, status);
  status.Check(op.name);

  // On a GPU too, with its scalars in host memory, where a loop's condition is needed anyway: an op that only
  // the CPU has would send them to and fro in every turn.
  for (const char* device : {"CPU", "GPU"}) {
    TF_KernelBuilder* kernel =
        C().TF_NewKernelBuilder(op.name.c_str(), device, op.create, op.compute, op.destroy);
    for (const char* input : op.inputs) C().TF_KernelBuilder_HostMemory(kernel, ArgumentName(input).c_str());
    C().TF_KernelBuilder_HostMemory(kernel, ArgumentName(op.output).c_str());
    C().TF_RegisterKernelBuilder(op.name.c_str(), kernel, status);
    status.Check(op.name);
  }
}

}  // namespace

void RegisterLoopOps() {
  static std::once_flag once;
  std::call_once(once, [] {
    Register({GateName(),
              {"more: bool", "number: int32"},
              "goes_on: bool",
              {"counted: bool"},
              CreateGate,
              ComputeGate,
              DeleteGate});
    Register({AnnouncementName(),
              {"number: int32", "count: int32"},
              "announced: int32",
              {},
              CreateAnnouncement,
              ComputeAnnouncement,
              DeleteAnnouncement});
  });
}

TF_Output FindShardNumber(TF_Graph* graph) { return {C().TF_GraphOperationByName(graph, kShardNumber), 0}; }

TF_Output ShardNumber(Scope* scope) {
  Scope& root = scope->root();
  const TF_Output known = FindShardNumber(root.graph());
  if (known.oper != nullptr) return known;
  return root.Op("PlaceholderWithDefault", kShardNumber)
      .In(root.Const(0))
      .AttrShape("shape", graph::Shape::Of({}))
      .Out();
}

TF_Output AddGate(Scope* scope, TF_Output more, TF_Output number, bool counted) {
  RegisterLoopOps();
  return scope->Op(GateName(), "gate").In(more).In(number).AttrBool("counted", counted).Out();
}

TF_Output AddAnnouncement(Scope* scope, TF_Output number, TF_Output count) {
  RegisterLoopOps();
  return scope->Op(AnnouncementName(), "announcement").In(number).In(count).Out();
}

}  // namespace ke::control
