// Classes that many threads use at once. The tests count, and are also run under ThreadSanitizer, which fails
// each test if the class lacks its lock.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/background.h"
#include "runtime/memory.h"
#include "runtime/shared_rows.h"

namespace ke::runtime {
namespace {

constexpr int kThreads = 4;

// Runs `work` in all threads, which begin at the same time.
void AtOnce(const std::function<void(int thread)>& work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      work(thread);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Background, AcceptsJobsAndStopsFromManyThreads) {
  constexpr int kJobs = 500;
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> done{0};
    std::atomic<int> destroyed{0};
    // A job releases everything that it holds: each release is counted.
    const auto held = [&destroyed] { return std::shared_ptr<void>(nullptr, [&](void*) { ++destroyed; }); };
    {
      Background background(3);
      AtOnce([&](int thread) {
        for (int job = 0; job < kJobs; ++job) background.Submit([&done, token = held()] { ++done; });
        if (thread % 2 == 0) background.Stop();
      });
      background.Stop();
      EXPECT_LE(done, kThreads * kJobs);
    }
    EXPECT_EQ(destroyed, kThreads * kJobs);
  }
}

TEST(SharedRows, AreWrittenByManyThreadsWhileTheyAreRead) {
  constexpr int64_t kRows = 400;
  const int64_t before = ReadMemoryCounters().copied_out_bytes;
  SharedRows shared(kRows);
  AtOnce([&](int thread) {
    for (int64_t row = thread; row < kRows; row += kThreads) {
      const float values[] = {static_cast<float>(row), static_cast<float>(-row)};
      shared.Write(row, tf::MakeTensor(TF_FLOAT, {1, 2}, values).get(), "maps");
      const TensorRef all = shared.tensor();
      const float* own = static_cast<const float*>(all->data()) + 2 * row;
      EXPECT_EQ(own[0], values[0]);
    }
  });
  const TensorRef all = shared.tensor();
  EXPECT_EQ(all->dims(), (std::vector<int64_t>{kRows, 2}));
  const auto* values = static_cast<const float*>(all->data());
  for (int64_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(values[2 * row], static_cast<float>(row));
    EXPECT_EQ(values[2 * row + 1], static_cast<float>(-row));
  }
  EXPECT_EQ(ReadMemoryCounters().copied_out_bytes - before, kRows * 2 * 4);
}

}  // namespace
}  // namespace ke::runtime
