#include "daemon/recovery/storage_thread.h"

#include <chrono>
#include <pthread.h>
#include <utility>

namespace edgetide {

void StorageThread::start(Checkpointer& checkpointer) {
  stopping_ = false;
  thread_ = std::thread([this, &checkpointer] { run(checkpointer); });
  pthread_setname_np(thread_.native_handle(), "storage");
}

void StorageThread::run(Checkpointer& checkpointer) noexcept {
  while (true) {
    const std::chrono::microseconds pause(checkpointer.step().count());
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, pause, [this] { return woken_ || stopping_; });
    if (stopping_) return;
    woken_ = false;
  }
}

void StorageThread::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void StorageThread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

}  // namespace edgetide
