// Brings the rows of one sink to it, oldest first, however long that takes.
//
// In:      row batches from the intake (`push`), kept in a bounded outbox.
// Out:     calls to the sink, from this courier's thread only; log lines when the sink's condition changes.
// Thread:  one per sink, named after it, from `start` to `finish`; `push`, `full` and `status` from any thread.
// Never:   touches the pipeline; sleeps while the sink wants rows and has them.
// Fails:   a sink that cannot take rows is tried again with jittered backoff for ever; what that costs is the outbox's
//          policy. A batch is handed over again, unchanged, until the sink says `Delivered`.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "daemon/outbox.h"
#include "sinks/sink.h"

namespace edgetide {

struct CourierStatus {
  bool connected = false;
  std::uint64_t delivered_rows = 0;
  std::uint64_t rejected_rows = 0;
  std::uint64_t dropped_rows = 0;    // by the outbox's policy
  std::size_t undelivered_rows = 0;  // waiting, or with the sink
  std::string trouble;               // why the sink takes nothing; empty if it does
};

class Courier {
 public:
  // `on_room` is called, from the courier's thread, when the outbox is no longer full.
  Courier(std::string name, std::unique_ptr<Sink> sink, OutboxOptions outbox, std::function<void()> on_room);
  ~Courier();

  void start();
  void push(RowBatch batch);
  bool full() const noexcept { return full_; }
  CourierStatus status() const;
  const std::string& name() const noexcept { return name_; }

  // Tells the courier to deliver what it has until the deadline and then to end; returns at once.
  void finish(std::chrono::steady_clock::time_point deadline);
  // Waits for the end; at the deadline a call that blocks is interrupted. Requires: `finish`.
  void join();

 private:
  void run() noexcept;
  bool wait_for_work();
  void attempt();
  Outcome try_sink();
  void settle(const Outcome& outcome);
  void succeeded(const Delivered& delivered);
  void failed(const std::string& reason, Duration at_least);
  void gave_up(const std::string& reason);
  void pause(Duration delay);

  const std::string name_;
  const std::unique_ptr<Sink> sink_;
  const std::function<void()> on_room_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Outbox outbox_;                                   // guarded by mutex_
  CourierStatus status_;                            // guarded by mutex_
  std::atomic<bool> full_ = false;                  // outbox_.full(), to be read without the lock
  bool stopping_ = false;                           // guarded by mutex_
  bool ended_ = false;                              // guarded by mutex_
  std::chrono::steady_clock::time_point deadline_;  // guarded by mutex_

  // The courier's thread only:
  std::optional<RowBatch> in_hand_;
  bool open_ = false;
  bool in_doubt_ = false;
  bool gave_up_ = false;
  unsigned failures_ = 0;
  std::minstd_rand random_{std::random_device{}()};

  std::thread thread_;
};

}  // namespace edgetide
