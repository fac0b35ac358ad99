#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace ke::control {

// What happens once, and those who want to hear of it.
class Event {
 public:
  // `call` is called once, by the thread that sets the event and with a lock of its held: it must be short,
  // and touch no event. Not where the event was set before. Never when this is destroyed.
  class Listener {
   public:
    Listener(Event* event, std::function<void()> call) : event_(event), call_(std::move(call)) {
      const std::lock_guard<std::mutex> lock(event_->mutex_);
      event_->listeners_.push_back(this);
    }
    ~Listener() {
      const std::lock_guard<std::mutex> lock(event_->mutex_);
      std::erase(event_->listeners_, this);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    friend class Event;
    Event* const event_;
    const std::function<void()> call_;
  };

  bool is_set() const { return set_; }
  void Set() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (set_.exchange(true)) return;
    for (const Listener* listener : listeners_) listener->call_();
  }

 private:
  std::atomic<bool> set_{false};
  std::mutex mutex_;
  std::vector<Listener*> listeners_;
};

}  // namespace ke::control
