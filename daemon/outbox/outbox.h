// What one sink has not confirmed yet, oldest first: in memory while the sink keeps up, on disk when it must be.
//
// Nothing is written while the sink keeps up. What waits is spilled at a checkpoint, which would otherwise forget it,
// and when memory passes its bound; it leaves memory only after its sync. Batches that wait together are merged: of
// rows with the same window, series and start only the newest stays, unless the sink wants every one. Such a record may
// repeat rows that were delivered meanwhile, never older ones than those.
//
// At the bound, drop_oldest forgets the oldest batches, all but what is being delivered, and counts their rows; block
// keeps all and says `full`, so that the intake holds its sources back, and no trigger fires. `room` says how much more
// may come, so that intake is held before a firing that would need more.
//
// A replay of the journal brings again what was delivered behind the last checkpoint, and the store cannot always be
// asked. So that this does not pass the bound, `take_delivered` says now and then how far the sink is, for the journal,
// and `already_stored` gets it back (DURABILITY.md, "a store cannot be reached").
//
// Owns:   the batches, and the files of the sink's spill log.
// Thread: any, where it is not said which. The lock is held for the books only, never while the disk works.
// Blocks: `push`, `full`, `stored_through`, `status` never; the others as the disk does.
// Fails:  a disk that fails costs nothing but memory: batches stay there, and what is spilled later tries again.
// Limit:  OutboxOptions; 64 MiB of memory when the disk cannot be written. Beyond it, with `drop_oldest`: one epoch
//         that is larger than max_bytes, while the sink has it or is free to take it, and then a quarter of max_bytes
//         besides; with `block`: the rows that the last batch of readings has made. On disk besides: what else is in
//         two segments, each an eighth of max_bytes, at least 32 KiB and at most 1 MiB.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include "daemon/outbox/outbox_options.h"
#include "daemon/outbox/spill_log.h"
#include "daemon/outbox/waiting_batches.h"
#include "daemon/service/mutex.h"
#include "sinks/row_batch.h"
#include "sinks/sink_traits.h"

namespace edgetide {

// Called without the outbox's lock. They return soon and call nothing of it back.
struct OutboxEvents {
  std::function<void()> room;          // no longer full; from the delivery's thread or the storage thread
  std::function<void()> spill_wanted;  // memory has passed its bound: `spill_excess` is due; from who pushes
};

struct OutboxStatus {
  std::size_t waiting_rows = 0;     // in memory and on disk
  std::size_t spilled_rows = 0;     // of these, on disk
  std::uint64_t spilled_bytes = 0;  // of disk
  std::size_t memory_bytes = 0;     // of batches, and of the books on what is on disk
  std::uint64_t dropped_rows = 0;   // by the policy, or because their window was removed
  SpillLoss lost;                   // of the spill log, missing or damaged
  std::string error;                // why nothing can be spilled; empty if all is well
};

class Outbox {
 public:
  // `traits` are those of the sink: they say how many rows go together, and whether older ones may be left out.
  Outbox(OutboxOptions options, const SinkTraits& traits, std::vector<WindowSchema> inputs, FileSystem& files,
         LogLocation location, OutboxEvents events);

  const SinkTraits& traits() const noexcept { return traits_; }

  // What earlier runs have left, and what is lost of what the checkpoint knows. `run` is the present one. The newest
  // epoch that is held. Requires: before all else.
  std::variant<std::optional<EpochId>, LogRefusal> recover(const SpillExtent& known, std::uint64_t run);

  // Everything that `former` has, in place of `recover`. Where its inputs are others, what it has not spilled is
  // dropped. Requires: `former` is no longer used, and is of the same sink and folder.
  void adopt(Outbox& former);
  bool has_inputs_of(const Outbox& other) const { return inputs_ == other.inputs_; }

  // Ignored if its epoch is here or was delivered, as in a replay of the journal. Requires: later epochs than all
  // before, but for a replay, which ends before the first `take`.
  void push(RowBatch batch);
  // Such a batch will be pushed: it counts for `full` and `room` already.
  void expect(const RowBatch& batch);
  bool full() const noexcept { return full_; }
  bool may_block() const noexcept { return options_.when_full == WhenFull::block; }
  // In bytes of rows in memory, until it is full. Requires: may_block.
  std::uint64_t room() const noexcept { return room_; }
  std::uint64_t capacity() const noexcept { return capacity_; }  // the room of an empty one
  bool empty() const;
  OutboxStatus status() const;

  // The oldest rows, as many as one delivery may have. They stay here until they are stored.
  // Thread: the delivery's, as `stored_through`.
  struct Taken {
    std::shared_ptr<const RowBatch> batch;  // null: nothing waits, or
    std::string error;                      // it cannot be read at the moment
  };
  Taken take();
  // The sink has everything up to this epoch.
  void stored_through(EpochId id);
  // The same, of earlier runs: what is missing of it on disk is not lost, as long as this run has delivered nothing.
  void already_stored(EpochId id);
  // What was taken is not stored and will be taken again: it may be dropped meanwhile.
  void put_back();
  // The newest epoch that the sink is known to have.
  EpochId delivered() const;
  // The sink has nothing behind `stored`: these batches, later than that, wait again. How many rows.
  std::size_t set_back(EpochId stored, std::vector<std::shared_ptr<const RowBatch>> again);
  // How far the sink is, once it has taken an eighth of the bound since the last time. Thread: any.
  std::optional<EpochId> take_delivered();

  // From the storage thread. Without an error everything up to this epoch that is not stored is safe from a power cut.
  // Requires: `recover`.
  std::error_code spill(EpochId through);
  // The oldest out of memory, down to half of its bound; nothing as long as memory is within it.
  std::error_code spill_excess();
  // What a recovery needs.
  SpillExtent spilled() const;

 private:
  // What becomes one record of the spill log.
  struct Piece {
    EpochRange epochs;
    std::size_t rows = 0;
    std::vector<std::shared_ptr<const RowBatch>> batches;
    std::shared_ptr<const RowBatch> whole;  // all of them
    std::uint64_t record_bytes = 0;
  };

  std::uint64_t used() const noexcept REQUIRES(mutex_);
  void drop_memory() REQUIRES(mutex_);
  std::vector<WaitingBatch> make_room() REQUIRES(mutex_);
  void cut_newest(std::vector<WaitingBatch>& dropped) REQUIRES(mutex_);
  void cut_before_spill();
  void release_copies(std::vector<WaitingBatch>& freed) REQUIRES(mutex_);
  void note_stored(EpochId id, bool delivered);
  std::optional<std::size_t> next_to_drop() const noexcept REQUIRES(mutex_);
  bool is_full(std::uint64_t used) const noexcept REQUIRES(mutex_);
  bool note_room() noexcept REQUIRES(mutex_);

  bool newest_rows_only() const noexcept { return traits_.kind == SinkKind::table; }

  std::vector<WaitingBatch> oldest();
  Taken read(const WaitingBatch& wanted);
  std::vector<Piece> unspilled(EpochId through) const;
  bool joins(const WaitingBatch& next, const Piece& piece) const noexcept REQUIRES(mutex_);
  std::error_code write(std::vector<Piece>& pieces);
  bool lower_memory(std::size_t target);
  void finish_spill(std::error_code error);

  const OutboxOptions options_;
  const SinkTraits traits_;
  const std::vector<WindowSchema> inputs_;
  const OutboxEvents events_;
  std::atomic<bool> full_ = false;
  std::atomic<std::uint64_t> room_ = 0;
  std::atomic<std::uint64_t> capacity_ = 0;

  mutable Mutex mutex_;
  WaitingBatches waiting_ GUARDED_BY(mutex_);
  EpochId delivered_ GUARDED_BY(mutex_);           // the sink has all up to here
  EpochId confirmed_before_ GUARDED_BY(mutex_);    // by an earlier run, as its checkpoint says
  EpochId in_hand_ GUARDED_BY(mutex_);             // what was taken last ends here
  bool with_sink_ GUARDED_BY(mutex_) = false;      // it is being delivered
  bool sink_fails_ GUARDED_BY(mutex_) = false;     // since the last delivery that was stored
  std::uint64_t unmarked_ GUARDED_BY(mutex_) = 0;  // bytes delivered since `take_delivered`
  std::uint64_t expected_ GUARDED_BY(mutex_) = 0;  // bytes
  double growth_ GUARDED_BY(mutex_) = 2;           // of rows, from what they take in memory to what they count with
  std::size_t spill_above_ GUARDED_BY(mutex_);     // bytes of batches in memory at which a spill is wanted
  std::uint64_t dropped_rows_ GUARDED_BY(mutex_) = 0;
  SpillLoss lost_ GUARDED_BY(mutex_);
  bool loss_is_sure_ GUARDED_BY(mutex_) = false;  // a store that has later rows does not have the lost ones
  std::string error_ GUARDED_BY(mutex_);

  SpillLog log_;             // the storage thread only
  SpillReader reader_;       // the delivery's thread only
  unsigned read_tries_ = 0;  // the delivery's thread only
};

}  // namespace edgetide
