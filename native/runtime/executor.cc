#include "runtime/executor.h"

#include <algorithm>
#include <utility>

#include "tensorflow/error.h"

namespace ke::runtime {

ShardedJob::ShardedJob(int64_t shards, control::RunControlRef control)
    : shards_(shards),
      control_(control != nullptr ? std::move(control) : std::make_shared<control::RunControl>()) {
  control_->Expect(shards);
}

void ShardedJob::Process(int64_t shard, bool stopping) noexcept {
  if (!failed_) {
    try {
      if (stopping) throw tf::Error(TF_CANCELLED, "the run was cancelled: its environment is ending");
      if (control_->cancelled()) throw tf::Error(TF_CANCELLED, "the run was cancelled");
      RunShard(shard);
    } catch (...) {
      Fail(shard, std::current_exception());
    }
  }
  if (done_.fetch_add(1) + 1 == shards_) Finish(error_);
}

void ShardedJob::Fail(int64_t shard, std::exception_ptr error) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (error_ == nullptr || shard < failed_shard_) {
    error_ = std::move(error);
    failed_shard_ = shard;
  }
  failed_ = true;
}

Executor::Executor(int threads) {
  threads_.reserve(threads);
  try {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
  } catch (...) {
    Stop();
    throw;
  }
}

Executor::~Executor() { Stop(); }

void Executor::Submit(std::shared_ptr<ShardedJob> job) {
  if (job->shards() == 0) {
    job->Finish(nullptr);
    return;
  }
  const int64_t shards = job->shards();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_)
      throw tf::Error(TF_FAILED_PRECONDITION, "this environment is ending: it runs nothing more");
    queue_.push_back({std::move(job)});
  }
  if (shards == 1) {
    wake_.notify_one();
  } else {
    wake_.notify_all();
  }
}

void Executor::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    for (const ShardedJob* job : running_) job->control_->Cancel();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Executor::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Entry& front = queue_.front();
    std::shared_ptr<ShardedJob> job = front.job;
    const int64_t shard = front.next++;
    if (front.next == job->shards()) queue_.pop_front();
    running_.push_back(job.get());
    const bool stopping = stopping_;
    lock.unlock();
    job->Process(shard, stopping);
    lock.lock();
    running_.erase(std::find(running_.begin(), running_.end(), job.get()));
    lock.unlock();
    // Released without the lock: the last reference may free tensors, or a session.
    job.reset();
    lock.lock();
  }
}

}  // namespace ke::runtime
