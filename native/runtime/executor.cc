#include "runtime/executor.h"

#include <algorithm>
#include <limits>
#include <system_error>
#include <utility>

namespace ke::runtime {

namespace {

// The interval between two checks of the queue while no replica takes from the queue.
constexpr std::chrono::milliseconds kQueueCheck(20);

}  // namespace

ShardedJob::ShardedJob(int64_t shards, control::RunControlRef control)
    : shards_(shards),
      control_(control != nullptr ? std::move(control) : std::make_shared<control::RunControl>()) {
  control_->Expect(shards);
}

void ShardedJob::Done(int64_t shards) noexcept {
  if (done_.fetch_add(shards) + shards == shards_) Finish(error_);
}

bool ShardedJob::Skips(int64_t shard) {
  if (!failed_) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  return failed_shard_ < shard;
}

void ShardedJob::Fail(int64_t shard, std::exception_ptr error) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (error_ == nullptr || shard < failed_shard_) {
    error_ = std::move(error);
    failed_shard_ = shard;
  }
  failed_ = true;
}

Executor::Executor(std::vector<std::shared_ptr<Replica>> replicas, Options options)
    : replicas_(std::move(replicas)), options_(options) {}

Executor::~Executor() { Stop(); }

// Requires the lock.
void Executor::Start() {
  started_ = true;
  try {
    for (const std::shared_ptr<Replica>& replica : replicas_) {
      replica->Start([this, it = replica.get()] { OnChange(it); });
      AddSlots(replica.get());
    }
  } catch (...) {
    stopping_ = slots_.empty();
    if (stopping_) throw;
  }
  // A missing thread is ignored if there is another one.
  if (!slots_.empty()) return;
  stopping_ = true;
  throw tf::Error(TF_RESOURCE_EXHAUSTED, "the system has no thread left for a run");
}

void Executor::AddSlots(Replica* replica) {
  for (int& threads = threads_[replica]; threads < std::max(1, replica->callers()); ++threads) {
    slots_.push_back(std::make_unique<Slot>());
    Slot* const slot = slots_.back().get();
    slot->replica = replica;
    slot->number = threads;
    slot->first = slots_.size() == 1;
    try {
      slot->thread = std::thread([this, slot] { Work(slot); });
    } catch (const std::system_error&) {
      slots_.pop_back();
      return;
    }
  }
}

bool Executor::IsUp(const Slot& slot) {
  return slot.replica->state() == ReplicaStatus::State::kUp && slot.number < slot.replica->callers();
}

void Executor::Submit(std::shared_ptr<ShardedJob> job) {
  if (job->shards() == 0) {
    job->Finish(nullptr);
    return;
  }
  std::vector<Slot*> slots;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    CheckRuns();
    if (!started_) Start();
    const int64_t shards = job->shards();
    queue_.push_back({std::move(job), 0, {}});
    slots = ToWake(shards);
  }
  Wake(slots);
}

void Executor::RunHere(const std::shared_ptr<ShardedJob>& job) {
  control::ShardControl control(job->control_.get());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    CheckRuns();
    Began(job.get(), 0, &control);
  }
  Shards shards{0, 1};
  while (!Run(replicas_[0].get(), job.get(), &shards, &control, true)) {
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  Ended(&control);
}

// Requires the lock.
void Executor::CheckRuns() const {
  if (stopping_) throw tf::Error(TF_FAILED_PRECONDITION, "this strategy is closed: it accepts no more runs");
}

void Executor::Stop() {
  std::unique_lock<std::mutex> lock(mutex_);
  stopping_ = true;
  for (const Running& running : running_) running.control->Cancel();
  for (const std::unique_ptr<Slot>& slot : slots_) slot->wake.notify_all();
  stop_.wait(lock, [this] { return running_.empty() && !joining_; });
  if (!std::exchange(started_, false)) return;
  joining_ = true;
  lock.unlock();
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (slot->thread.joinable()) slot->thread.join();
  }
  for (const std::shared_ptr<Replica>& replica : replicas_) replica->Stop();
  lock.lock();
  joining_ = false;
  stop_.notify_all();
}

bool Executor::MayRun(const Slot& slot) const { return !queue_.empty() && IsUp(slot); }

std::vector<Executor::Slot*> Executor::ToWake(int64_t most) {
  std::vector<Slot*> slots;
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (static_cast<int64_t>(slots.size()) == most) break;
    if (!slot->idle || slot->woken || !IsUp(*slot)) continue;
    slot->woken = true;
    slots.push_back(slot.get());
  }
  // The first slot checks the queue while no replica takes from the queue.
  if (slots.empty() && !slots_.empty()) slots.push_back(slots_[0].get());
  return slots;
}

void Executor::Wake(const std::vector<Slot*>& slots) {
  for (Slot* slot : slots) slot->wake.notify_one();
}

void Executor::OnChange(Replica* replica) {
  std::vector<Slot*> slots;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return;
    AddSlots(replica);
    if (!queue_.empty()) slots = ToWake(std::numeric_limits<int64_t>::max());
  }
  Wake(slots);
}

void Executor::Work(Slot* slot) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    while (!stopping_ && !MayRun(*slot)) {
      slot->idle = true;
      if (slot->first && !queue_.empty()) {
        slot->wake.wait_for(lock, kQueueCheck);
        Reap(&lock);
      } else {
        slot->wake.wait(lock);
      }
      slot->idle = false;
      slot->woken = false;
    }
    if (queue_.empty()) return;
    std::shared_ptr<ShardedJob> job;
    Shards shards = Take(*slot->replica, &job);
    control::ShardControl control(job->control_.get());
    Began(job.get(), shards.begin, &control);
    lock.unlock();
    if (!Run(slot->replica, job.get(), &shards, &control, false)) PutBack(job, shards);
    lock.lock();
    Ended(&control);
    lock.unlock();
    // The job is released without the lock, because the last reference may free tensors or a session.
    job.reset();
    lock.lock();
  }
}

void Executor::Began(ShardedJob* job, int64_t shard, control::ShardControl* control) {
  running_.push_back({job, shard, control});
  UpdateAlone();
  if (stopping_) control->Cancel();
}

void Executor::Ended(const control::ShardControl* control) {
  std::erase_if(running_, [&](const Running& running) { return running.control == control; });
  UpdateAlone();
  if (stopping_ && running_.empty()) stop_.notify_all();
}

void Executor::UpdateAlone() {
  const bool alone = running_.size() == 1 && queue_.empty();
  for (const Running& running : running_) running.control->SetAlone(alone);
}

Shards Executor::Take(const Replica& replica, std::shared_ptr<ShardedJob>* job) {
  waiting_ = false;
  Entry& front = queue_.front();
  *job = front.job;
  Shards shards;
  if (!front.returned.empty()) {
    shards = front.returned.back();
    front.returned.pop_back();
  } else {
    const int64_t most = std::max<int64_t>(1, std::min(replica.shards_at_once(), (*job)->most_at_once()));
    shards.begin = front.next;
    front.next = shards.end = std::min((*job)->shards(), front.next + most);
  }
  if (front.empty()) queue_.pop_front();
  return shards;
}

bool Executor::Run(Replica* replica, ShardedJob* job, Shards* shards, control::ShardControl* control,
                   bool counts_all) noexcept {
  const auto cancelled = [] { return tf::Error(TF_CANCELLED, "the run was cancelled"); };
  if (!job->Skips(shards->begin)) {
    try {
      if (control->cancelled()) throw cancelled();
      job->RunShards(*shards, *replica, control);
      replica->Computed(shards->count());
    } catch (const ReplicaLost& lost) {
      if (control->cancelled()) {
        Fail(job, shards->begin, std::make_exception_ptr(cancelled()));
      } else {
        if (lost.counts()) replica->Lost(shards->count(), lost.what());
        if (lost.counts() || counts_all) ++shards->failures;
        if (!job->failed_) {
          if (shards->failures <= options_.retries) return false;
          Fail(job, ShardedJob::kBeforeAll, LostTooOften(*job, *shards, *replica, lost.what()));
        }
      }
    } catch (...) {
      Fail(job, shards->begin, std::current_exception());
    }
  }
  job->Done(shards->count());
  return true;
}

std::exception_ptr Executor::LostTooOften(const ShardedJob& job, const Shards& shards, const Replica& replica,
                                          const std::string& reason) {
  const auto [row, end] = job.RowsOf(shards);
  return std::make_exception_ptr(WorkerError(
      "samples " + std::to_string(row) + " to " + std::to_string(end - 1) + " were lost " +
          std::to_string(shards.failures) + " times; the last time with " + replica.name() + ": " + reason,
      {replica.name(), reason, shards.failures, row, end - row}));
}

void Executor::Fail(ShardedJob* job, int64_t shard, std::exception_ptr error) noexcept {
  job->Fail(shard, std::move(error));
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Running& running : running_) {
    if (running.job == job && running.begin > shard) running.control->Cancel();
  }
}

void Executor::PutBack(const std::shared_ptr<ShardedJob>& job, const Shards& shards) {
  std::vector<Slot*> slots;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known =
        std::find_if(queue_.begin(), queue_.end(), [&](const Entry& entry) { return entry.job == job; });
    if (known != queue_.end()) {
      known->returned.push_back(shards);
    } else {
      queue_.push_front({job, job->shards(), {shards}});
    }
    slots = ToWake(1);
  }
  Wake(slots);
}

void Executor::Reap(std::unique_lock<std::mutex>* lock) {
  if (stopping_) return;
  const bool abandoned = AbandonsQueue();
  std::vector<Entry> ended;
  for (auto entry = queue_.begin(); entry != queue_.end();) {
    if (!abandoned && !entry->job->ended()) {
      ++entry;
      continue;
    }
    ended.push_back(std::move(*entry));
    entry = queue_.erase(entry);
  }
  if (ended.empty()) return;
  waiting_ = false;
  lock->unlock();
  for (Entry& entry : ended) {
    int64_t left = entry.job->shards() - entry.next;
    int64_t begin = entry.next;
    for (const Shards& shards : entry.returned) {
      left += shards.count();
      begin = std::min(begin, shards.begin);
    }
    if (!entry.job->failed_) {
      const auto [row, end] = entry.job->RowsOf({begin, entry.job->shards()});
      entry.job->Fail(begin, entry.job->control_->cancelled()
                                 ? std::make_exception_ptr(tf::Error(TF_CANCELLED, "the run was cancelled"))
                                 : NoReplicaIsUp(row, end - row));
    }
    entry.job->Done(left);
    entry.job.reset();
  }
  lock->lock();
}

// Requires the lock. Called by the thread that checks the queue.
bool Executor::AbandonsQueue() {
  bool all_refused = true;
  for (const std::shared_ptr<Replica>& replica : replicas_) {
    const ReplicaStatus::State state = replica->state();
    if (state == ReplicaStatus::State::kUp) {
      waiting_ = false;
      return false;
    }
    all_refused &= state == ReplicaStatus::State::kRefused;
  }
  if (queue_.empty()) return false;
  if (all_refused) return true;
  if (!waiting_) {
    waiting_ = true;
    waiting_since_ = Clock::now();
  }
  return Clock::now() - waiting_since_ >= options_.timeout;
}

std::exception_ptr Executor::NoReplicaIsUp(int64_t row, int64_t rows) const {
  std::string text;
  bool refused = true;
  for (const std::shared_ptr<Replica>& replica : replicas_) {
    const ReplicaStatus status = replica->status();
    refused &= status.state == ReplicaStatus::State::kRefused;
    text += (text.empty() ? "" : "; ") + status.name + ": " +
            (status.last_error.empty() ? "no answer yet" : status.last_error);
  }
  if (refused) {
    return std::make_exception_ptr(tf::Error(TF_FAILED_PRECONDITION, "no worker can be used: " + text));
  }
  text = "no worker has been up for " + std::to_string(options_.timeout.count()) + " ms: " + text;
  return std::make_exception_ptr(
      WorkerError(text, {replicas_.size() == 1 ? replicas_[0]->name() : "", text, 0, row, rows}));
}

}  // namespace ke::runtime
