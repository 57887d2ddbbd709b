// Runs the state checkpointer's steps, when they are due or after `wake`.
//
// In:      time, and `wake`.
// Out:     what the checkpointer writes to disk.
// Thread:  "storage", from `start` to `stop`, which may follow each other again; `wake` from any thread.
// Never:   touches a socket, or waits while something is due.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "daemon/recovery/checkpointer.h"

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

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;     // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace edgetide
