#include "daemon/storage_thread.h"

#include <chrono>
#include <pthread.h>
#include <utility>

namespace edgetide {

void StorageThread::start(StateKeeper& keeper) {
  stopping_ = false;
  thread_ = std::thread([this, &keeper] { run(keeper); });
  pthread_setname_np(thread_.native_handle(), "storage");
}

void StorageThread::run(StateKeeper& keeper) noexcept {
  while (true) {
    const std::chrono::microseconds pause(keeper.step().count());
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
