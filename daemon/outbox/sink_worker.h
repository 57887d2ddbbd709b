// Brings the rows of one sink to it, oldest first, however long that takes: an outbox, a delivery, and the thread that
// drives it.
//
// In:      row batches from the intake (`push`), kept in the outbox.
// Out:     calls to the sink, from this worker's thread only; log lines when the sink's condition changes.
// Thread:  one per sink, named after it, from `start` to `finish`. `push`, `full` and `status` from any thread;
//          `spill`, `spill_excess` and `spilled` from the storage thread.
// Never:   touches the pipeline; sleeps while the sink wants rows and has them.
// Fails:   as the delivery and the outbox say: whatever fails is tried again, and what that costs is the outbox's
// policy.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <variant>
#include <vector>

#include "daemon/outbox/delivery.h"
#include "daemon/outbox/outbox.h"
#include "daemon/service/mutex.h"
#include "sinks/sink.h"

namespace edgetide {

struct SinkWorkerStatus {
  bool connected = false;
  std::uint64_t delivered_rows = 0;
  std::uint64_t rejected_rows = 0;
  std::uint64_t dropped_rows = 0;      // by the outbox's policy, or because their window was removed
  std::size_t outbox_rows = 0;         // waiting, or with the sink
  std::size_t spilled_rows = 0;        // of these, on disk
  std::uint64_t spilled_bytes = 0;     // of disk
  std::size_t memory_bytes = 0;        // of rows that wait in memory
  bool full = false;                   // it may take no more rows, and holds intake back
  Duration waiting_for;                // some row has waited all this time; at least the oldest one's
  SpillLoss lost;                      // of the spill log, missing or damaged
  std::uint64_t failures = 0;          // of the sink, each tried again
  std::uint64_t in_doubt = 0;          // of these, deliveries whose answer was lost
  WriteHistogram writes;               // of deliveries, whatever came of them
  std::string error;                   // why the sink accepts no rows; empty if it does
  bool needs_person = false;           // only somebody who acts can mend that
  bool taken_over = false;             // by another instance
  std::uint64_t redelivered_rows = 0;  // as in DeliveryStatus
  std::string set_back;                // the same
  std::string disk_error;              // why the outbox cannot be spilled; empty if it can
};

class SinkWorker {
 public:
  // `traits` and `inputs` are the sink's. The spill log is below the state directory. `seed` is that of the jitter of
  // waits.
  SinkWorker(const std::string& name, std::unique_ptr<Sink> sink, const SinkTraits& traits,
             std::vector<WindowSchema> inputs, OutboxOptions options, FileSystem& files,
             const std::string& state_directory, OutboxEvents events, std::uint32_t seed = std::random_device{}());
  ~SinkWorker();

  // As Outbox::recover. Requires: before all else.
  std::variant<std::optional<EpochId>, LogRefusal> recover(const SpillExtent& known, std::uint64_t run) {
    if (known.confirmed != EpochId{}) delivery_.assume_confirmed(known.confirmed, known.at);
    return outbox_.recover(known, run);
  }

  // As Outbox::adopt: the rows that a worker of the same name leaves behind. Requires: before all else.
  void adopt(SinkWorker& former);

  // Requires: what is replayed from a journal was pushed.
  void start();
  // Instead of the thread, for tests that drive it step by step: as Delivery::step. Requires: not started.
  std::optional<Duration> step() { return delivery_.step(); }

  void push(RowBatch batch);
  void expect(const RowBatch& batch) { outbox_.expect(batch); }
  bool full() const noexcept { return outbox_.full(); }
  bool may_block() const noexcept { return outbox_.may_block(); }
  std::uint64_t room() const noexcept { return outbox_.room(); }
  std::uint64_t capacity() const noexcept { return outbox_.capacity(); }
  SinkWorkerStatus status() const;
  const std::string& name() const noexcept { return name_; }
  // As Delivery::take_over, after a look at the store if that is possible within a moment. Blocks: so long.
  bool take_over();
  // As Sink's.
  void end_silence() noexcept { delivery_.end_silence(); }

  // As Outbox's. After `join` they still hold.
  std::error_code spill(EpochId through) { return outbox_.spill(through); }
  std::error_code spill_excess() { return outbox_.spill_excess(); }
  SpillExtent spilled() const { return outbox_.spilled(); }

  // As Outbox's. Any thread.
  std::optional<EpochId> take_delivered() { return outbox_.take_delivered(); }
  void already_stored(EpochId id) { outbox_.already_stored(id); }

  // Tells the worker to deliver what it has until the deadline and then to end; returns at once.
  void finish(std::chrono::steady_clock::time_point deadline);
  // Waits for the end; from the deadline on a call that blocks is interrupted. Requires: `finish`.
  void join();

 private:
  void run() noexcept;
  bool wait(std::optional<Duration> pause);
  Duration waiting_for() const;
  bool has_work() const { return delivery_.take_over_wanted() || (!delivery_.stopped() && !outbox_.empty()); }
  bool take_look();
  void note_look();

  const std::string name_;
  Outbox outbox_;
  Delivery delivery_;

  mutable Mutex mutex_;
  Condition changed_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  bool look_due_ GUARDED_BY(mutex_) = false;  // at the store, though nothing waits for it
  std::uint64_t looks_ GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::time_point deadline_ GUARDED_BY(mutex_);
  // The outbox has held rows since then.
  std::optional<std::chrono::steady_clock::time_point> waiting_since_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace edgetide
