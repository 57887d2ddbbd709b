#include "daemon/recovery/step_thread.h"

#include <pthread.h>

namespace edgetide {

void StepThread::start() {
  {
    const MutexLock lock(mutex_);
    stopping_ = false;
  }
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), name_);
}

void StepThread::run() noexcept {
  while (wait(std::chrono::microseconds(step_().count()))) {
  }
}

// False: it is time to end.
bool StepThread::wait(std::chrono::microseconds at_most) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  MutexLock lock(mutex_);
  while (!woken_ && !stopping_) {
    if (changed_.wait_until(lock, until) == std::cv_status::timeout) break;
  }
  woken_ = false;
  return !stopping_;
}

void StepThread::wake() {
  const MutexLock lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void StepThread::stop() {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

}  // namespace edgetide
