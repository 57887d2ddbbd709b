// Runs the state checkpointer's steps, when they are due or after `wake`.
//
// In:      time, and `wake`.
// Out:     what the checkpointer writes to disk.
// Thread:  "storage", from `start` to `stop`, which may follow each other again; `wake` from any thread.
// Never:   touches a socket, or waits while something is due.
#pragma once

#include <chrono>
#include <thread>

#include "daemon/recovery/checkpointer.h"
#include "daemon/service/mutex.h"

namespace edgetide {

class StorageThread {
 public:
  StorageThread() = default;
  ~StorageThread() { stop(); }
  StorageThread(const StorageThread&) = delete;
  StorageThread& operator=(const StorageThread&) = delete;

  void start(Checkpointer& checkpointer);
  void wake();
  // Returns when the step at hand has ended.
  void stop();

 private:
  void run(Checkpointer& checkpointer) noexcept;
  bool wait(std::chrono::microseconds at_most);

  Mutex mutex_;
  Condition changed_;
  bool woken_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace edgetide
