#include "binding/native_tensor.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "binding/convert.h"
#include "binding/errors.h"
#include "runtime/memory.h"

namespace ke::binding {

using runtime::Tensor;
using runtime::TensorRef;

namespace {

constexpr const char* kBuffer = "buffer";

}  // namespace

HeldTensor::HeldTensor(TensorRef tensor)
    : tensor_(std::move(tensor)), bytes_(static_cast<int64_t>(tensor_->bytes())) {
  runtime::CountLive(1, bytes_);
}

HeldTensor::~HeldTensor() { Drop(); }

void HeldTensor::Drop() {
  tensor_.reset();
  if (!std::exchange(live_, false)) return;
  runtime::CountLive(-1, -bytes_);
}

Napi::Object NativeTensor::Create(Environment* environment, const TensorRef& tensor) {
  if (static_cast<double>(tensor->bytes()) > environment->most_buffer_bytes()) {
    throw tf::Error(TF_RESOURCE_EXHAUSTED,
                    "a tensor of " + std::to_string(tensor->bytes()) +
                        " bytes is larger than an ArrayBuffer of this Node.js can be (" +
                        std::to_string(static_cast<uint64_t>(environment->most_buffer_bytes())) +
                        "): take fewer samples or units at once, as `explainBatches` does");
  }
  return Wrap::Create(environment, tensor);
}

Napi::Function NativeTensor::Define(Napi::Env env) {
  return DefineWithGetters(
      env, {InstanceMethod<&NativeTensor::Release>("release")},
      {Getter<&NativeTensor::GetDType>("dtype"), Getter<&NativeTensor::GetShape>("shape"),
       Getter<&NativeTensor::GetByteOffset>("byteOffset"),
       Getter<&NativeTensor::GetByteLength>("byteLength")});
}

NativeTensor::NativeTensor(const Napi::CallbackInfo& info)
    : Wrap(info),
      dtype_(state_->dtype()),
      dims_(state_->dims()),
      bytes_(state_->bytes()),
      held_(std::make_shared<HeldTensor>(std::move(state_))) {
  // The property cannot be replaced by JavaScript. The buffer therefore lives as long as the wrapper, and one
  // garbage collection frees both.
  const Napi::ArrayBuffer buffer = MakeBuffer(info.Env());
  info.This().As<Napi::Object>().DefineProperty(
      Napi::PropertyDescriptor::Value(kBuffer, buffer, napi_enumerable));
}

Napi::ArrayBuffer NativeTensor::MakeBuffer(Napi::Env env) {
  Environment& environment = Environment::Of(env);
  void* data = held_->tensor()->data();
  if (bytes_ > 0 && environment.external_buffers()) {
    auto reference = std::make_unique<std::shared_ptr<HeldTensor>>(held_);
    const napi_finalize drop = [](napi_env, void*, void* held) {
      delete static_cast<std::shared_ptr<HeldTensor>*>(held);
    };
    napi_value buffer;
    const napi_status status =
        napi_create_external_arraybuffer(env, data, bytes_, drop, reference.get(), &buffer);
    if (status == napi_ok) {
      reference.release();
      return Napi::ArrayBuffer(env, buffer);
    }
    if (status != napi_no_external_buffers_allowed) {
      reference.release();  // Node calls `drop` also if it refuses the memory.
      throw Napi::Error::New(env);
    }
    environment.RefuseExternalBuffers();
  }
  // JavaScript gets a copy, and runs copy the bytes back. TensorFlow could read the engine's memory without a
  // copy, but the engine may free that memory during a run, for example after buffer.transfer().
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, bytes_);
  if (bytes_ > 0) {
    std::memcpy(buffer.Data(), data, bytes_);
    runtime::CountCopiedOut(bytes_);
    held_->ReleaseMemory();
  }
  return buffer;
}

Napi::ArrayBuffer NativeTensor::Buffer() const { return Value().Get(kBuffer).As<Napi::ArrayBuffer>(); }

const TensorRef& NativeTensor::Memory(const std::string& argument) {
  if (held_ == nullptr) throw tf::Error(TF_FAILED_PRECONDITION, argument + " was released");
  if (bytes_ > 0 && Buffer().IsDetached()) {
    throw tf::Error(TF_FAILED_PRECONDITION,
                    "the buffer of " + argument +
                        " was detached or transferred: its memory is not the tensor's any more");
  }
  return held_->tensor();
}

char* NativeTensor::bytes() {
  if (held_ == nullptr) return nullptr;
  Napi::ArrayBuffer buffer = Buffer();
  return buffer.IsDetached() ? nullptr : static_cast<char*>(buffer.Data());
}

runtime::FeedValue NativeTensor::ForRun(const std::string& argument, int64_t begin, int64_t rows) {
  if (const TensorRef& memory = Memory(argument); memory != nullptr) return memory;
  std::vector<int64_t> dims = dims_;
  int64_t first = 0;
  // A range outside the tensor is refused later by the run, which checks `dims_`.
  if (!dims.empty() && begin >= 0 && begin <= dims[0]) {
    first = begin;
    dims[0] = rows < 0 ? dims[0] - begin : std::min(rows, dims[0] - begin);
  }
  const TensorRef copy = Tensor::Allocate(dtype_, dims);
  const size_t row_bytes = dims_.empty() ? 0 : bytes_ / static_cast<size_t>(dims_[0]);
  std::memcpy(copy->data(), bytes() + row_bytes * static_cast<size_t>(first), copy->bytes());
  runtime::CountCopiedIn(copy->bytes());
  return {copy, first, dims_};
}

void NativeTensor::WriteRows(int64_t row, const TensorRef& part) {
  std::vector<int64_t> dims = part->dims();
  dims[0] = dims_[0];
  if (dims != dims_ || part->dtype() != dtype_) {
    throw tf::Error(TF_INVALID_ARGUMENT, "rows of different shapes cannot be joined");
  }
  char* const to = bytes();
  if (to == nullptr || part->bytes() == 0) return;
  std::memcpy(to + part->row_bytes() * static_cast<size_t>(row), part->data(), part->bytes());
  runtime::CountCopiedOut(part->bytes());
}

void NativeTensor::Release(const Napi::CallbackInfo& info) {
  Guarded(info.Env(), [&] {
    if (held_ == nullptr) return;
    const std::shared_ptr<HeldTensor> held = std::exchange(held_, nullptr);
    Napi::ArrayBuffer buffer = Buffer();
    if (bytes_ == 0) {
      held->Drop();
    } else if (!buffer.IsDetached()) {
      // Views now have length 0, so the memory can be freed at once instead of with the next finalizers.
      buffer.Detach();
      held->Drop();
    }
    // Otherwise JavaScript has transferred the memory to another ArrayBuffer, whose finalizer drops the
    // memory.
  });
}

Napi::Value NativeTensor::GetDType(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(), [&] { return FromDType(info.Env(), dtype_); });
}

Napi::Value NativeTensor::GetShape(const Napi::CallbackInfo& info) { return FromDims(info.Env(), dims_); }

Napi::Value NativeTensor::GetByteOffset(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), 0);
}

Napi::Value NativeTensor::GetByteLength(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), held_ == nullptr ? 0.0 : static_cast<double>(bytes_));
}

}  // namespace ke::binding
