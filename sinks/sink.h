// The contract of a sink: gets the rows of epochs into a store or upstream, each epoch exactly once.
//
// Life cycle: constructed (no I/O) -> open -> deliver* -> close. After `retry_after` or `in_doubt` from any call the
//   sink is closed; the worker waits and calls `open` again. After `stopped` it is never called again but for close.
// Thread:  the worker's thread of this sink, except `interrupt` (any thread).
// Blocks:  `open`, `deliver` and `last_epoch` may block, bounded by the sink's own timeouts (at most about 30 s);
//          `interrupt` makes a call that is blocked return soon. Waiting between tries is returned, never slept.
// Fails:   outcomes are values; a sink throws nothing but std::bad_alloc. It logs nothing; reasons are in the outcome.
// Exactly once: `deliver` stores the batch's EpochId in the same transaction as the rows. After `in_doubt` the worker
//   opens again and asks `last_epoch`: at or beyond the batch's id means it was delivered. Delivering a batch that the
//   store already has is `delivered` and changes nothing, also after a restart of the process.
// At least once: `deliver` may get an epoch in parts (RowBatch::first_row), each within the traits' bounds, and what it
//   could confirm of a part before it failed is not delivered again. The epoch is stored with its last part.
// Fencing: the first `open` of a process takes the store over from any other user of the same gateway and sink, an old
//   process or a clone; its next call is `stopped`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pipeline/time.h"
#include "sinks/row_batch.h"
#include "sinks/sink_traits.h"

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
};
// Not stored, nothing lost: try again, not before `at_least`.
struct RetryAfter {
  Duration at_least;
  std::string reason;
  std::size_t rows_stored = 0;  // at-least-once sinks: the first ones of the batch, which are not delivered again
};
// Whether the batch was stored is unknown (the answer to COMMIT was lost).
struct InDoubt {
  std::string reason;
};
// Trying again would do harm or cannot help: another instance owns the id, the file is damaged, the reader is gone.
// What an operator can repair from outside (a password, a permission, a missing column) is RetryAfter with its reason.
struct Stopped {
  std::string reason;
};

// Who writes to a store.
struct SinkIdentity {
  std::string gateway;
  std::string sink;
  std::uint64_t state_id = 0;  // of the state directory that all its epochs come from. Requires: 0 < id < 2^63
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

  // From construction on, and always the same.
  virtual SinkTraits traits() const noexcept = 0;

  // Connects, creates or checks tables, and claims the store for this process. Delivered{} when ready.
  virtual Outcome open() = 0;

  // Stores one batch. Requires: open; ids grow from call to call, unless a batch is delivered again.
  virtual Outcome deliver(const RowBatch& batch) = 0;

  // Requires: open.
  virtual LastEpoch last_epoch() = 0;

  virtual void close() noexcept = 0;

  // Holds until the next `close`: calls that come in between return soon as well.
  virtual void interrupt() noexcept = 0;
};

}  // namespace edgetide
