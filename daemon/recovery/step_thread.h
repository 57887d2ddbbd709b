// A thread that takes one step after another, each when it is due or after `wake`.
//
// Thread:  its own, from `start` to `stop`, which may follow each other again; `wake` from any thread.
// Never:   waits while something is due.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "daemon/service/mutex.h"
#include "pipeline/time.h"

namespace edgetide {

class StepThread {
 public:
  using Step = std::function<Duration()>;  // how long until the next is due
  // `name`: as Linux shows it; at most 15 characters.
  StepThread(const char* name, Step step) : name_(name), step_(std::move(step)) {}
  ~StepThread() { stop(); }
  StepThread(const StepThread&) = delete;
  StepThread& operator=(const StepThread&) = delete;

  void start();
  void wake();
  // Returns when the step at hand has ended.
  void stop();

 private:
  void run() noexcept;
  bool wait(std::chrono::microseconds at_most);

  const char* const name_;
  const Step step_;
  Mutex mutex_;
  Condition changed_;
  bool woken_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace edgetide
