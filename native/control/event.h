#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace ke::control {

// An event that happens at most once, with the listeners that are called when the event happens.
class Event {
 public:
  // `call` is called once, by the thread that sets the event. That thread holds a lock of the event, so
  // `call` must be short and must not touch any event. `call` is not called if the event was set before the
  // listener was made, and never after the listener is destroyed.
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
