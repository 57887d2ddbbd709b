// The contract of a sink: gets the rows of epochs into a store or upstream, in the order of the epochs.
//
// Life cycle: constructed (no I/O) -> open -> deliver* -> close. After `retry_after` or `in_doubt` from any call the
//   sink is closed; the worker waits and calls `open` again. After `stopped` it is never called again but for close.
// Thread:  the worker's thread of this sink, except `interrupt` and `end_silence` (any thread).
// Blocks:  `open`, `deliver` and `last_epoch` may block, bounded by the sink's own timeouts (at most about 30 s) where
//          the server keeps to them, and by `end_silence` where it does not;
//          `interrupt` makes a call that is blocked return soon. Waiting between tries is returned, never slept.
// Fails:   outcomes are values; a sink throws nothing but std::bad_alloc. It logs nothing; reasons are in the outcome.
// Exactly once, if its traits say so: `deliver` stores the batch's EpochId in the same transaction as the rows. After
//   `in_doubt` the worker opens again and asks `last_epoch`: at or beyond the batch's id means it was delivered.
//   Delivering a batch that the store already has is `delivered` and changes nothing, also after a restart.
// Added rows: only sinks of the kind `table` get rows in the state `added`: readings that came too late. The sink adds
//   them to the row that it has (row_addition.h), after the other rows of the batch, and raises its revision; where
//   there is none, they become a final row.
// At least once: `deliver` may get an epoch in parts (RowBatch::first_row), each within the traits' bounds, and what it
//   could confirm of a part before it failed is not delivered again. The epoch is stored with its last part.
// Fencing: the first `open` of a process takes the store over from any other user of the same gateway and sink, an old
//   process or a clone; its next call is `stopped`, until `take_over` lets its next `open` take the store back.
// Older state: where the store holds an epoch that the state directory never made, its rows are somebody else's. They
//   give way to rows of at least as many readings only, and nothing counts as stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/service/backoff.h"
#include "pipeline/time.h"
#include "sinks/row_batch.h"
#include "sinks/sink_traits.h"
#include "sinks/state_history.h"

namespace edgetide {

// A row that the store refused for its content; the rest of its batch was stored.
struct RejectedRow {
  std::string window;
  std::string sensor;
  std::string metric;
  Timestamp start;
  std::string reason;  // the store's own words, one line, no secrets
};

struct Delivered {
  std::vector<RejectedRow> rejected;
  std::string notice = {};  // of `open`: what a person should know about the store; empty: nothing
  // Of `open`, where a table that had rows of ours is new or empty: no epoch counts as stored.
  bool tables_are_new = false;
  std::optional<Timestamp> stored_at = {};  // of `open`: when the store got its newest epoch, by its clock
  // Of any call, and the same again and again while it holds: what is wrong with the store though it takes rows.
  std::string warning = {};
};
// Not stored, nothing lost: try again, not before `at_least`.
struct RetryAfter {
  Duration at_least;
  std::string reason;
  std::size_t rows_stored = 0;  // at-least-once sinks: the first ones of the batch, which are not delivered again
  bool needs_person = false;    // only somebody who acts can mend it; it is tried again all the same
};
inline RetryAfter once_somebody_acts(std::string reason, Duration at_least = until_somebody_acts) {
  return {.at_least = at_least, .reason = std::move(reason), .needs_person = true};
}
// Whether the batch was stored is unknown (the answer to COMMIT was lost).
struct InDoubt {
  std::string reason;
};
// Trying again would do harm or cannot help: another instance owns the id, the reader is gone.
// What an operator can repair from outside (a password, a permission, a missing column, a damaged file) is RetryAfter.
struct Stopped {
  std::string reason;
  bool taken_over = false;  // by another instance: `take_over` would help
};

// Who writes to a store.
struct SinkIdentity {
  std::string gateway;
  std::string sink;
  std::uint64_t state_id = 0;  // of the state directory that all its epochs come from. Requires: 0 < id < 2^63
  std::string process = {};    // for a person at another instance: host, process, state directory
  std::shared_ptr<const StateHistory> history = {};  // null: all epochs under the state id are ours
};

using Outcome = std::variant<Delivered, RetryAfter, InDoubt, Stopped>;
// The newest epoch of this state directory that is stored; nothing if there is none.
using LastEpoch = std::variant<std::optional<EpochId>, RetryAfter, Stopped>;

// The answer of `last_epoch` where reading it has ended with this outcome.
inline LastEpoch last_epoch_of(const Outcome& read, std::optional<EpochId> newest) {
  if (const auto* later = std::get_if<RetryAfter>(&read)) return *later;
  if (const auto* stopped = std::get_if<Stopped>(&read)) return *stopped;
  if (const auto* doubt = std::get_if<InDoubt>(&read)) return RetryAfter{Duration(), doubt->reason};
  return newest;
}

class Sink {
 public:
  virtual ~Sink() = default;

  // Connects, creates or checks tables, and claims the store for this process. Delivered{} when ready.
  virtual Outcome open() = 0;

  // Stores one batch. Requires: open; ids grow from call to call, unless a batch is delivered again.
  virtual Outcome deliver(const RowBatch& batch) = 0;

  // Also while nothing is delivered, now and then: `stopped` if the store was taken over. Requires: open.
  virtual LastEpoch last_epoch() = 0;

  // The next `open` takes the store over, as the first one of a process does. Requires: closed.
  virtual void take_over() noexcept {}

  virtual void close() noexcept = 0;

  // Holds until the next `close`: calls that come in between return soon as well.
  virtual void interrupt() noexcept = 0;

  // Called now and then: makes a call return soon whose server has been silent for longer than the sink's timeouts
  // allow. Thread: any.
  virtual void end_silence() noexcept {}
};

}  // namespace edgetide
