// Proves "zero-copy" by addresses. An op that only these tests register returns the address of the memory
// that TensorFlow passes to the kernel, and the address of the kernel's output.
#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/compiled_function.h"
#include "runtime/memory.h"
#include "runtime/strategy.h"
#include "tensorflow/own_op.h"

namespace ke::runtime {
namespace {

using graph::Scope;
using graph::Shape;
using tf::C;

constexpr int64_t kColumns = 16;  // float32, so 64 bytes per row
constexpr size_t kRowBytes = kColumns * sizeof(float);

int64_t AddressOf(const void* data) { return static_cast<int64_t>(reinterpret_cast<intptr_t>(data)); }

void* CreateNothing(TF_OpKernelConstruction*) noexcept { return nullptr; }
void DeleteNothing(void*) noexcept {}

// Maps float (N, C) to int64 (N, C): each row has the address of the input, the address of the output, and
// zeros.
void ComputeAddresses(void*, TF_OpKernelContext* context) noexcept {
  tf::GuardedKernel(nullptr, context, [&] {
    const tf::TensorPtr input = tf::KernelInput(context, 0);
    const std::vector<int64_t> dims = tf::Dims(input.get());
    const tf::TensorPtr output = tf::AllocateTensor(TF_INT64, dims);
    auto* values = static_cast<int64_t*>(C().TF_TensorData(output.get()));
    std::memset(values, 0, C().TF_TensorByteSize(output.get()));
    for (int64_t row = 0; row < dims[0]; ++row) {
      values[row * dims[1]] = AddressOf(C().TF_TensorData(input.get()));
      values[row * dims[1] + 1] = AddressOf(values);
    }
    tf::SetKernelOutput(context, output);
  });
}

const std::string& AddressesOp() {
  static const std::string& name = *new std::string(tf::OwnOpName("TestAddresses"));
  static std::once_flag once;
  std::call_once(once, [] {
    tf::RegisterOwnOp({name,
                       {"x: float"},
                       "addresses: int64",
                       {},
                       tf::InferFirstInput,
                       CreateNothing,
                       ComputeAddresses,
                       DeleteNothing});
  });
  return name;
}

class ZeroCopy : public testing::Test {
 protected:
  ZeroCopy() : strategy_(2) {
    auto scope = std::make_unique<Scope>();
    const TF_Output x = scope->Placeholder(TF_FLOAT, Shape::Of({-1, kColumns}), "x");
    const TF_Output y = scope->Op(AddressesOp()).In(x).Out();
    function_ = CompiledFunction::Build(std::move(scope), {x}, {y}, {1, 2});
  }

  static TensorRef Rows(int64_t rows) {
    TensorRef tensor = Tensor::Allocate(TF_FLOAT, {rows, kColumns});
    std::memset(tensor->data(), 0, tensor->bytes());
    return tensor;
  }

  TensorRef Compute(const TensorRef& feed, RunOptions options) {
    std::promise<TensorRef> promise;
    function_->Run(&strategy_, {feed}, std::move(options),
                   [&](std::vector<TensorRef> outputs, std::exception_ptr error) {
                     if (error != nullptr) {
                       promise.set_exception(error);
                     } else {
                       promise.set_value(outputs[0]);
                     }
                   });
    return promise.get_future().get();
  }

  static int64_t InputAddress(const TensorRef& output, int64_t row) {
    return static_cast<const int64_t*>(output->data())[row * kColumns];
  }
  static int64_t OutputAddress(const TensorRef& output, int64_t row) {
    return static_cast<const int64_t*>(output->data())[row * kColumns + 1];
  }

  Strategy strategy_;
  std::shared_ptr<CompiledFunction> function_;
};

TEST_F(ZeroCopy, TheKernelReadsTheFeedsMemoryAndItsOutputIsReturned) {
  const TensorRef x = Rows(8);
  const MemoryCounters before = ReadMemoryCounters();
  const TensorRef output = Compute(x, {.shard_size = 8});
  EXPECT_EQ(InputAddress(output, 0), AddressOf(x->data()));
  EXPECT_EQ(OutputAddress(output, 0), AddressOf(output->data()));
  EXPECT_EQ(ReadMemoryCounters().copied_in_bytes, before.copied_in_bytes);
  EXPECT_EQ(ReadMemoryCounters().copied_out_bytes, before.copied_out_bytes);
}

TEST_F(ZeroCopy, ARangeOfRowsIsReadInPlace) {
  const TensorRef x = Rows(32);
  const MemoryCounters before = ReadMemoryCounters();
  const TensorRef output = Compute(x, {.shard_size = 8, .begin = 5, .rows = 8});
  EXPECT_EQ(InputAddress(output, 0), AddressOf(x->data()) + 5 * static_cast<int64_t>(kRowBytes));
  EXPECT_EQ(OutputAddress(output, 0), AddressOf(output->data()));
  EXPECT_EQ(ReadMemoryCounters().copied_in_bytes, before.copied_in_bytes);
  EXPECT_EQ(ReadMemoryCounters().copied_out_bytes, before.copied_out_bytes);
}

TEST_F(ZeroCopy, ShardsReadTheirRowsInPlaceAndTheirOutputsAreCopiedOnce) {
  const TensorRef x = Rows(12);
  const MemoryCounters before = ReadMemoryCounters();
  const TensorRef output = Compute(x, {.shard_size = 3, .begin = 2, .rows = 9});
  for (int64_t row = 0; row < 9; ++row) {
    const int64_t first = 2 + row / 3 * 3;
    EXPECT_EQ(InputAddress(output, row), AddressOf(x->data()) + first * static_cast<int64_t>(kRowBytes))
        << row;
  }
  EXPECT_NE(OutputAddress(output, 0), OutputAddress(output, 3));
  EXPECT_EQ(ReadMemoryCounters().copied_in_bytes, before.copied_in_bytes);
  EXPECT_EQ(ReadMemoryCounters().copied_out_bytes - before.copied_out_bytes,
            static_cast<int64_t>(output->bytes()));
}

TEST_F(ZeroCopy, TargetsAreWrittenByOneCopyOfEachRow) {
  const TensorRef x = Rows(8);
  const TensorRef target = Tensor::Allocate(TF_INT64, {10, kColumns});
  for (const int64_t shard_size : {3, 8}) {
    std::memset(target->data(), 0, target->bytes());
    const MemoryCounters before = ReadMemoryCounters();
    const TensorRef output = Compute(
        x,
        {.shard_size = shard_size,
         .into = {{.given = true, .dtype = TF_INT64, .dims = target->dims(), .row = 1, .tensor = target}}});
    EXPECT_EQ(output, nullptr);
    EXPECT_EQ(InputAddress(target, 0), 0);
    EXPECT_EQ(InputAddress(target, 1), AddressOf(x->data()));
    EXPECT_NE(InputAddress(target, 8), 0);
    EXPECT_EQ(InputAddress(target, 9), 0);
    EXPECT_EQ(ReadMemoryCounters().copied_in_bytes, before.copied_in_bytes);
    EXPECT_EQ(ReadMemoryCounters().copied_out_bytes - before.copied_out_bytes,
              8 * kColumns * static_cast<int64_t>(sizeof(int64_t)));
  }
}

TEST_F(ZeroCopy, ATargetLivesForAsLongAsItsRun) {
  const TensorRef x = Rows(8);
  std::weak_ptr<Tensor> watch;
  {
    TensorRef target = Tensor::Allocate(TF_INT64, {8, kColumns});
    watch = target;
    RowTarget into{.given = true, .dtype = TF_INT64, .dims = target->dims(), .row = 0, .tensor = target};
    target.reset();
    std::vector<RowTarget> targets;
    targets.push_back(std::move(into));
    EXPECT_EQ(Compute(x, {.shard_size = 2, .into = std::move(targets)}), nullptr);
  }
  // The thread that ran the last shard drops the job after it has reported the end of the run.
  strategy_.Stop();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace ke::runtime
