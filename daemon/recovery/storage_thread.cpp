#include "daemon/recovery/storage_thread.h"

#include <pthread.h>

namespace edgetide {

void StorageThread::start(Checkpointer& checkpointer) {
  {
    const MutexLock lock(mutex_);
    stopping_ = false;
  }
  thread_ = std::thread([this, &checkpointer] { run(checkpointer); });
  pthread_setname_np(thread_.native_handle(), "storage");
}

void StorageThread::run(Checkpointer& checkpointer) noexcept {
  while (wait(std::chrono::microseconds(checkpointer.step().count()))) {
  }
}

// False: it is time to end.
bool StorageThread::wait(std::chrono::microseconds at_most) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  MutexLock lock(mutex_);
  while (!woken_ && !stopping_) {
    if (changed_.wait_until(lock, until) == std::cv_status::timeout) break;
  }
  woken_ = false;
  return !stopping_;
}

void StorageThread::wake() {
  const MutexLock lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void StorageThread::stop() {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

}  // namespace edgetide
