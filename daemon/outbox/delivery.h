// Gets the rows of an outbox into a sink, one step after the other, without a thread or a clock: its driver
// waits between the steps, a worker or a simulation.
//
// A sink that fails is closed, and opened again after the wait. After each open it is asked for its last epoch, and
// what it has is not delivered again: so an answer that was lost, or a restart, costs and repeats nothing.
//
// A store may go back in time: its last epoch is then older than what it has confirmed, or a table of it is new. What
// it has confirmed lately is delivered again (confirmed_batches.h), and the log says from when to when rows are
// missing.
//
// An exactly-once sink gets each batch whole, and a rate makes the next one wait until this one's rows are paid for.
// Others get it in parts, as large as their traits and the rate allow, and after a failure it goes on behind the rows
// that the sink has confirmed. A restart of the process forgets the parts.
//
// Owns:   the sink, and the batch that it is being given.
// Thread: one at a time; `status`, `take_over`, `interrupt` and `end_silence`, any.
// Blocks: `step` as the sink does, and as the disk while spilled rows are read.
// Fails:  a sink that cannot take rows is tried again for ever, unless it says `Stopped`. What changes is logged. A
//         sink that another instance has taken over goes on after `take_over`; until then all rows wait.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "daemon/outbox/confirmed_batches.h"
#include "daemon/outbox/outbox.h"
#include "daemon/outbox/token_bucket.h"
#include "daemon/service/duration_histogram.h"
#include "daemon/service/mutex.h"
#include "pipeline/time.h"
#include "sinks/sink.h"

namespace edgetide {

struct DeliveryStatus {
  bool connected = false;
  std::uint64_t delivered_rows = 0;
  std::uint64_t rejected_rows = 0;
  std::size_t rows_done = 0;           // delivered ones of a batch whose rest waits
  std::uint64_t failures = 0;          // to open or to deliver, each to be tried again
  std::uint64_t in_doubt = 0;          // deliveries whose answer was lost
  WriteHistogram writes;               // of deliveries, whatever came of them
  std::string error;                   // why the sink accepts no rows; empty if it does
  bool needs_person = false;           // only somebody who acts can mend that
  bool taken_over = false;             // by another instance
  std::uint64_t redelivered_rows = 0;  // because the store had lost them
  std::string set_back;                // what is known of the last time that the store did; empty: it never did
};

class Delivery {
 public:
  // `seed` is that of the jitter of waits.
  Delivery(std::string name, std::unique_ptr<Sink> sink, Outbox& outbox, std::uint32_t seed,
           const OutboxOptions& options = {});

  // An earlier run had this confirmed, then at the latest. Requires: before the first step.
  void assume_confirmed(EpochId id, Timestamp at) { confirmed_.assume(id, at); }
  // What `former` knows of confirmed batches. Requires: both have no user; the same sink with the same inputs.
  void adopt(Delivery& former) { confirmed_ = std::move(former.confirmed_); }

  // Opens the sink, or delivers once. How long to wait before the next step; nothing: until the outbox has rows.
  using Time = std::chrono::steady_clock::time_point;
  std::optional<Duration> step(Time now = std::chrono::steady_clock::now());
  // In place of a step while nothing waits: asks an exactly-once sink whether the store is still ours.
  std::optional<Duration> look(Time now = std::chrono::steady_clock::now());

  // The sink is not called again, unless it is taken back.
  bool stopped() const noexcept { return stopped_ && !take_over_wanted_; }
  // The next step takes the sink back from who has taken it over. False if none has.
  bool take_over();
  bool take_over_wanted() const noexcept { return take_over_wanted_; }
  void close() noexcept;
  // Makes a step that blocks return soon.
  void interrupt() noexcept { sink_->interrupt(); }
  void end_silence() noexcept { sink_->end_silence(); }  // as Sink's

  DeliveryStatus status() const;

 private:
  std::optional<Duration> open(Time now);
  bool keeps_confirmed() const noexcept;
  void note_stored(const Delivered& opened, std::optional<EpochId> stored, Time now);
  void restore(const Delivered& opened, std::optional<EpochId> stored, Time now);
  std::optional<Duration> deliver(Time now);
  std::optional<Duration> deliver_rows(std::size_t rows, Time now);
  std::size_t allowed_rows(Time now);
  std::size_t next_rows(std::size_t allowed) const;
  std::optional<Duration> failed(const Outcome& outcome);
  std::optional<Duration> try_again(const std::string& reason, Duration at_least, bool needs_person = false);
  void take_back();
  void log_rejected(const std::vector<RejectedRow>& rows) const;
  void count_write(std::chrono::steady_clock::duration took);
  void count_stored(std::size_t rows, const std::vector<RejectedRow>& rejected);
  void log_warning(const std::string& warning);
  void release_batch();
  void note_open();
  void say_ready();
  bool note_error(const std::string& reason, bool needs_person);

  const std::string name_;
  const std::unique_ptr<Sink> sink_;
  Outbox& outbox_;
  const SinkTraits traits_;
  std::string warning_;  // that the store has now, in the log
  std::shared_ptr<const RowBatch> in_hand_;
  std::shared_ptr<const RowBatch> doubt_;  // of an exactly-once sink: whether it was stored is not known
  ConfirmedBatches confirmed_;
  std::size_t rows_done_ = 0;        // of these
  std::optional<TokenBucket> rate_;  // nothing: no limit
  bool open_ = false;
  bool delivery_fails_ = false;  // since the last one that was stored
  bool said_ready_ = false;      // in the log, since it failed
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> take_over_wanted_ = false;
  unsigned failures_ = 0;  // in a row
  std::minstd_rand random_;

  mutable Mutex mutex_;
  DeliveryStatus status_ GUARDED_BY(mutex_);
};

}  // namespace edgetide
