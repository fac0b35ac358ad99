#include "control/loop_ops.h"

#include <mutex>
#include <new>
#include <string>

#include "control/run_control.h"
#include "tensorflow/own_op.h"

namespace ke::control {

using graph::Scope;
using tf::C;

namespace {

constexpr char kShardNumber[] = "keras_explainable_shard";

const std::string& GateName() {
  static const std::string& name = *new std::string(tf::OwnOpName("Gate"));
  return name;
}

const std::string& AnnouncementName() {
  static const std::string& name = *new std::string(tf::OwnOpName("Announcement"));
  return name;
}

const std::string& OverlapName() {
  static const std::string& name = *new std::string(tf::OwnOpName("Overlap"));
  return name;
}

const std::string& TurnEndName() {
  static const std::string& name = *new std::string(tf::OwnOpName("TurnEnd"));
  return name;
}

template <typename T>
T Value(const tf::TensorPtr& scalar) {
  return *static_cast<const T*>(C().TF_TensorData(scalar.get()));
}

// The kernel of one gate in one session. A RunningShard identifies a loop by the kernel's address.
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
  tf::KernelIsMade(gate);
  return gate;
}

void DeleteGate(void* kernel) noexcept { delete static_cast<Gate*>(kernel); }

void ComputeGate(void* kernel, TF_OpKernelContext* context) noexcept {
  tf::GuardedKernel(kernel, context, [&] {
    const tf::TensorPtr more = tf::KernelInput(context, 0);
    const tf::TensorPtr number = tf::KernelInput(context, 1);
    if (RunningShard* shard = RunningShard::Find(Value<int32_t>(number))) {
      if (shard->cancelled()) throw tf::Error(TF_CANCELLED, "the run was cancelled");
      if (static_cast<const Gate*>(kernel)->counted) shard->Turn(kernel, Value<unsigned char>(more) != 0);
    }
    tf::SetKernelOutput(context, more);
  });
}

void* CreateNothing(TF_OpKernelConstruction*) noexcept { return nullptr; }

void DeleteNothing(void*) noexcept {}

void ComputeAnnouncement(void*, TF_OpKernelContext* context) noexcept {
  tf::GuardedKernel(nullptr, context, [&] {
    const tf::TensorPtr number = tf::KernelInput(context, 0);
    const tf::TensorPtr count = tf::KernelInput(context, 1);
    if (RunningShard* shard = RunningShard::Find(Value<int32_t>(number))) {
      shard->Announce(Value<int32_t>(count));
    }
    tf::SetKernelOutput(context, number);
  });
}

void ComputeOverlap(void*, TF_OpKernelContext* context) noexcept {
  tf::GuardedKernel(nullptr, context, [&] {
    const RunningShard* shard = RunningShard::Find(Value<int32_t>(tf::KernelInput(context, 1)));
    const unsigned char may = shard != nullptr && shard->overlaps() ? 1 : 0;
    tf::SetKernelOutput(context, tf::MakeTensor(TF_BOOL, {}, &may));
  });
}

void ComputeTurnEnd(void*, TF_OpKernelContext* context) noexcept {
  tf::GuardedKernel(nullptr, context, [&] {
    RunningShard* shard = RunningShard::Find(Value<int32_t>(tf::KernelInput(context, 1)));
    if (shard != nullptr) shard->TurnEnded();
    tf::SetKernelOutput(context, tf::KernelInput(context, 0));
  });
}

}  // namespace

void RegisterLoopOps() {
  static std::once_flag once;
  std::call_once(once, [] {
    tf::RegisterOwnOp({GateName(),
                       {"more: bool", "number: int32"},
                       "goes_on: bool",
                       {"counted: bool"},
                       tf::InferScalar,
                       CreateGate,
                       ComputeGate,
                       DeleteGate});
    tf::RegisterOwnOp({AnnouncementName(),
                       {"number: int32", "count: int32"},
                       "announced: int32",
                       {},
                       tf::InferScalar,
                       CreateNothing,
                       ComputeAnnouncement,
                       DeleteNothing});
    tf::RegisterOwnOp({OverlapName(),
                       {"i: int32", "number: int32"},
                       "may: bool",
                       {},
                       tf::InferScalar,
                       CreateNothing,
                       ComputeOverlap,
                       DeleteNothing});
    tf::RegisterOwnOp({TurnEndName(),
                       {"i: int32", "number: int32"},
                       "ended: int32",
                       {},
                       tf::InferScalar,
                       CreateNothing,
                       ComputeTurnEnd,
                       DeleteNothing});
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

TF_Output AddOverlap(Scope* scope, TF_Output i, TF_Output number) {
  RegisterLoopOps();
  return scope->Op(OverlapName(), "overlap").In(i).In(number).Out();
}

TF_Output AddTurnEnd(Scope* scope, TF_Output i, TF_Operation* value, TF_Output number) {
  RegisterLoopOps();
  return scope->Op(TurnEndName(), "turn_end").In(i).In(number).After(value).Out();
}

}  // namespace ke::control
