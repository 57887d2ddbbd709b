// Where sources meet the pipeline: one lock, under which a batch is stamped with its arrival, written to the journal
// and applied. A tick takes the same lock and hands the rows of its epoch to the gate (epoch_gate.h). Every input of
// the pipeline is on disk before it is applied; with `durability = "power"` it is synced before the source may
// acknowledge it.
//
// There is no queue on the way in: back-pressure is this lock, and the wait while a sink that may not drop rows is full
// or the journal cannot be written. While intake waits, listening time stops, so that no sensor becomes idle.
//
// While the clock is not set, batches are journaled and held, and no tick does anything (clock_hold.h).
//
// Batches without a reading are counted at once, and journaled together with the next tick (pending_refusals.h).
//
// A source calls with the id it was given (SourceSlots); the pipeline, its counters and the journal know it by its
// slot.
//
// Thread: what a SourceHost does from source threads; `tick`, `reconfigure`, `close` from the main thread;
//         `sync` from the sync thread and the storage thread, `checkpoint` and `cut` from the latter.
// Owns:   nothing; core.h owns pipeline, journal, gate and workers, and they outlive the intake's users.
// Fails:  the answer is `closed` once it is. What cannot be taken is refused and counted, one reading at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/intake/batch_readings.h"
#include "daemon/intake/clock_hold.h"
#include "daemon/intake/epoch_gate.h"
#include "daemon/intake/firing_room.h"
#include "daemon/intake/hearing.h"
#include "daemon/intake/hold_notice.h"
#include "daemon/intake/intake_journal.h"
#include "daemon/intake/intake_state.h"
#include "daemon/intake/late_addition.h"
#include "daemon/intake/message_memory.h"
#include "daemon/intake/pending_refusals.h"
#include "daemon/intake/source_listeners.h"
#include "daemon/intake/source_slots.h"
#include "daemon/intake/source_traffic.h"
#include "daemon/intake/taps.h"
#include "daemon/outbox/row_routes.h"
#include "daemon/service/clock.h"
#include "daemon/service/mutex.h"
#include "daemon/sources/source.h"
#include "daemon/storage/checkpoint.h"
#include "daemon/storage/journal.h"
#include "daemon/storage/quarantine_record.h"
#include "pipeline/pipeline.h"

namespace edgetide {

class Quarantine;
struct QuarantineCounters;

// Who writes: of the state directory, and of this run of the daemon.
struct RunIdentity {
  std::uint64_t state_id = 1;
  std::uint64_t run = 1;
};

// What another configuration puts in place of what is there.
struct Reconfiguration {
  Pipeline pipeline;                                       // new; it takes over the state of the old one
  std::vector<std::string> sources;                        // names by slot
  std::vector<std::shared_ptr<const SensorTable>> tables;  // by slot
  RowRoutes routes;
  bool fire_all = false;  // some window will be forgotten: what it holds leaves first
};

// What an intake is made of, and what an earlier run has left for it. What is referred to outlives the intake's users.
struct IntakeParts {
  Pipeline& pipeline;
  const Clock& clock;
  EpochGate& gate;
  Journal& journal;  // with `durability = "none"` only its old files are cut
  JournalOptions journal_options = {};
  RunIdentity identity = {};
  std::vector<std::string> sources = {};                        // names by slot
  std::vector<std::shared_ptr<const SensorTable>> tables = {};  // by slot
  RowRoutes routes = {};
  Quarantine* quarantine = nullptr;  // null: none is kept
  IntakeState recovered = {};
  // Called under the lock, when what is taken is the first that a power cut would take.
  std::function<void()> on_unsafe = [] {};
  // Under the lock too: `offer_room` or a checkpoint is due.
  std::function<void()> on_storage_wanted = [] {};
};

class Intake final : public SourceHost {
 public:
  // A new run begins, and the journal says so, unless there is to be none.
  explicit Intake(IntakeParts parts);

  Acceptance try_accept(SourceId id, const DecodedBatch& batch) noexcept override;
  void nothing_decoded(SourceId id, const DecodedBatch& batch) noexcept override;
  void attach(SourceId id, SourceEvents& events) noexcept override { listeners_.attach(id, events); }
  void detach(SourceId id) noexcept override { listeners_.detach(id); }
  Duration running() const noexcept override { return clock_.now().running; }
  std::vector<StoredPosition> positions(SourceId id) const override;
  bool begin_session(SourceId id, const SourceSession& session) noexcept override;
  std::optional<std::string> session_notes(std::string_view session) const override;
  std::vector<std::uint64_t> recent_messages(SourceId id) const override;
  void connected(SourceId id, std::string_view peer) noexcept override;
  void disconnected(SourceId id, std::string_view reason) noexcept override;
  void impaired(SourceId id, std::string_view reason) noexcept override;
  void notice(SourceId id, std::string_view text) noexcept override;
  void turned_away(SourceId id, TurnedAway why) noexcept override;

  // False: held back, as `try_accept` is by the journal or a full outbox, or the clock is not set. `every`: how
  // long after the one before it is expected. A later one is the end of a pause, of which no more than that is
  // listening time.
  bool tick(Fire fire, Duration every = Duration::unlimited());

  // Between two inputs, and says so in the journal: what was taken before went into the old pipeline, what comes after
  // goes into the new one, and a recovery from before finds the same. Windows whose definition is the same keep what
  // they hold. The reason, if that cannot be: nothing has changed then.
  // Blocks: sources wait for as long as the state is copied, some microseconds a series.
  std::optional<std::string> reconfigure(Reconfiguration next);
  SourceId source_id(const std::string& name);  // for a source that is made

  // False: from now on a source is answered `closed` rather than `held`, and waits for no disk.
  void set_blocking(bool allowed);
  void close();  // from now on every answer is `closed`
  // A worker that was full has room again.
  void room_available() { listeners_.room_available(); }
  // Says so to the sources if one was held back and may come now. True: it may not yet, so ask again.
  bool offer_room();

  // Everything taken so far survives a power cut. One thread syncs, others wait for it. Nothing is done if nothing but
  // ticks came since the last time: they can be made again.
  std::error_code sync();
  // A power cut would take something.
  bool is_unsafe() const;
  // And a peer waits for its acknowledgement until it would not.
  bool is_awaited() const;

  // Wakes the storage thread when the journal has grown by such a part of its maximum since the last checkpoint.
  void want_checkpoint_for_each(std::size_t parts);
  // It has, or is full.
  bool wants_checkpoint() const;

  // Everything but the outboxes. Nothing while rows wait in the gate for a `sync`.
  std::optional<Checkpoint> checkpoint();
  // Records before `record` are in checkpoints that are safe.
  void cut(std::uint64_t record);

  // Calls read(const Pipeline&) under the lock.
  template <typename Read>
  auto inspect(Read&& read) const {
    const MutexLock lock(mutex_);
    return read(static_cast<const Pipeline&>(pipeline_));
  }
  // Of each series: how its times are off, if they are (shifted_times.h).
  std::vector<std::optional<TimeShift>> shifts_of(std::span<const SeriesId> series) const;
  RefusalSample last_refusal(SourceId slot) const;
  SourceTraffic traffic(SourceId slot) const;
  std::optional<FileCounts> files(SourceId slot) const;  // of a source that reads some
  std::uint64_t rows_emitted() const;
  std::uint64_t resent_messages() const;      // known already, and suppressed
  std::uint64_t unchanged_readings() const;   // left out by `repeats`
  std::uint64_t forgotten_positions() const;  // of partitions beyond the limit (source_positions.h)
  std::size_t held_readings() const;          // wait for the clock
  bool waits_for_clock() const;               // no reading is applied until it is set
  JournalStatus journal_status() const;
  // Why nothing is taken, for longer than a moment; empty: readings are taken.
  std::string held_because() const;
  QuarantineCounters quarantine_counters() const;  // Requires: a quarantine

  // Adds readings of the quarantine, by number, to the rows of final windows that stores have, each once, and ends an
  // epoch for each window. `oldest_number` of the quarantine. Blocks: sources wait meanwhile.
  LateAddition add_late(std::span<const LateReading> late, std::uint64_t oldest_number);

  // Feeds the tap until its other owner has released it. Free of cost while there is no tap.
  void add_tap(std::shared_ptr<Tap> tap);

 private:
  void begin_run() REQUIRES(mutex_);
  Acceptance hold_back(Duration running) REQUIRES(mutex_);
  std::string hold_reason(Duration running) const REQUIRES(mutex_);
  std::string name_of(SourceId id) const;
  bool held_back(Duration running) const REQUIRES(mutex_);
  bool is_held_back(Duration running) REQUIRES(mutex_);
  bool has_room_for(std::size_t readings) REQUIRES(mutex_);
  void check_room_again() REQUIRES(mutex_);
  void note_delivered() REQUIRES(mutex_);
  bool drops() const REQUIRES(mutex_);
  // What an epoch adds to the rows of a window.
  struct LateNumbers {
    WindowId window;
    std::vector<std::uint64_t> numbers;
    std::vector<Reading> readings;
  };
  // A reading of the quarantine.
  struct PutBack {
    std::uint64_t number;
    SourceId source;
    Timestamp arrival;
    Reading reading;
    bool is_taken = false;  // some window takes it
    bool stays = false;     // and some window that takes it cannot have it
  };
  bool fire_windows(Fire fire, Moment now, const LateNumbers* late = nullptr) REQUIRES(mutex_);
  void append_tick(const JournaledTick& tick, const LateNumbers* late) REQUIRES(mutex_);
  void settle_late(Moment now) REQUIRES(mutex_);
  AddedRows take_late(const LateNumbers& late) REQUIRES(mutex_);
  std::string late_refused_because(Duration running) const REQUIRES(mutex_);
  std::vector<PutBack> known_of(std::span<const LateReading> late, LateAddition& done) const REQUIRES(mutex_);
  void add_late(WindowId window, std::span<PutBack> readings, Moment now, LateAddition& done) REQUIRES(mutex_);
  std::uint64_t listening_sources() const REQUIRES(mutex_);
  bool is_journaled(const Reconfiguration& next, Moment now) REQUIRES(mutex_);
  void adopt(Reconfiguration next) REQUIRES(mutex_);
  void listen(bool listens, Moment now) REQUIRES(mutex_);
  void tell_connection(SourceId id, bool connected, Moment now) REQUIRES(mutex_);
  bool take_refusals(SourceId source, const DecodedBatch& batch, Moment arrival) REQUIRES(mutex_);
  bool journal_refusals(Moment now) REQUIRES(mutex_);
  void count(SourceId source, const DecodedBatch& batch) REQUIRES(mutex_);
  void count_messages(SourceId source, const DecodedBatch& batch) REQUIRES(mutex_);
  void count_delays(SourceId source, Timestamp arrival) REQUIRES(mutex_);
  void name_shifted(SourceId source, SeriesId series) REQUIRES(mutex_);
  void note_mixed(SourceId source, const BatchReadings::Mixed& mixed) REQUIRES(mutex_);
  void quarantine_messages(SourceId source, const DecodedBatch& batch) REQUIRES(mutex_);
  void quarantine_messages(SourceId source) REQUIRES(mutex_);  // those of `undecoded_`
  void apply(SourceId source, const DecodedBatch& batch, Moment arrival) REQUIRES(mutex_);
  void apply_batch(const Batch& batch) REQUIRES(mutex_);
  void keep_refused(const Batch& batch) REQUIRES(mutex_);
  bool release_held(Moment now) REQUIRES(mutex_);
  void refuse_all(SourceId source, const DecodedBatch& batch) REQUIRES(mutex_);
  void send(std::vector<RowRoutes::RoutedBatch> batches) REQUIRES(mutex_);

  const Clock& clock_;
  EpochGate& gate_;
  const RunIdentity identity_;
  const std::function<void()> storage_wanted_;

  Mutex sync_mutex_;  // before mutex_
  mutable Mutex mutex_;
  SourceListeners listeners_;  // called without mutex_

  RowRoutes routes_ GUARDED_BY(mutex_);
  RowEdges edges_ GUARDED_BY(mutex_);
  SourceSlots slots_ GUARDED_BY(mutex_);
  Pipeline& pipeline_ GUARDED_BY(mutex_);
  Quarantine* const quarantine_ PT_GUARDED_BY(mutex_);
  IntakeJournal journal_ GUARDED_BY(mutex_);
  MessageMemory messages_ GUARDED_BY(mutex_);
  PendingRefusals pending_refusals_ GUARDED_BY(mutex_);
  ClockHold held_ GUARDED_BY(mutex_);
  LateMarks late_ GUARDED_BY(mutex_);
  NumberRanges settled_late_ GUARDED_BY(mutex_);  // the quarantine is to leave them out
  const StateHistory history_;                    // of the runs before
  bool clock_set_ GUARDED_BY(mutex_);
  Hearing hearing_ GUARDED_BY(mutex_);
  HoldNotice hold_notice_ GUARDED_BY(mutex_);
  bool blocking_ GUARDED_BY(mutex_) = true;
  bool closed_ GUARDED_BY(mutex_) = false;
  bool has_held_back_ GUARDED_BY(mutex_) = false;  // a source waits for room
  FiringRoom firing_room_ GUARDED_BY(mutex_);
  std::uint64_t reconfigurations_ GUARDED_BY(mutex_) = 0;
  TrafficCounters traffic_ GUARDED_BY(mutex_);
  Taps taps_ GUARDED_BY(mutex_);
  std::uint64_t rows_emitted_ GUARDED_BY(mutex_) = 0;

  // Of one call; kept for their buffers.
  BatchReadings batch_ GUARDED_BY(mutex_);
  std::vector<RefusedMessage> undecoded_ GUARDED_BY(mutex_);
  Emission emission_ GUARDED_BY(mutex_);
};

}  // namespace edgetide
